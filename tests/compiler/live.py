"""How much is held while a network trains, counted tensor by tensor. Tensors have shapes and no contents: any size will do."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from diffusers import CosmosTransformer3DModel
from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cosmos_recipes.backbones.adapters import adapt
from cosmos_recipes.compiler.memory import Work
from cosmos_recipes.compiler.ways import Way
from cosmos_recipes.training.parallel.blocks import prepare_blocks


class Held(TorchDispatchMode):
    """Counts the bytes of tensors that are alive, those of `known` ones apart."""

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen = weakref.WeakSet(tensor.untyped_storage() for tensor in known)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor) and (storage := tensor.untyped_storage()) not in self._seen:
                self._seen.add(storage)
                self._add(storage.nbytes())
                weakref.finalize(storage, self._add, -storage.nbytes())
        return out

    def _add(self, size_bytes: int) -> None:
        self.now += size_bytes
        self.peak = max(self.peak, self.now)


def held_in_a_step(work: Work, way: Way, grid: tuple[int, int, int]) -> tuple[int, int]:
    """Return the bytes that forward leaves, and the most that a step holds, of one process; weights apart.

    `grid` is the clip (latent frames, height, width), of which a process of a context group has its part of the frames.
    """
    network = _network(work, way)

    def loss() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=work.train.precision == "bf16"):
            out = _forward(network, work, (grid[0] // way.context, *grid[1:]))
        return out.float().square().mean()

    return held_by(network, loss)


def held_by(network: nn.Module, loss: Callable[[], Tensor]) -> tuple[int, int]:
    """Return the bytes that are left once the loss of a network on the meta device is known, and the most until backward is done."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        network.to_empty(device="cpu")
        held = Held(network.parameters())
        with held:
            value = loss()
            left = held.now
            value.backward()
    return left, held.peak


def _network(work: Work, way: Way) -> Any:
    settings = {**work.network.model_dump(), "concat_padding_mask": False}
    with torch.device("meta"):
        network = CosmosTransformer3DModel(**settings)
        if work.train.lora:
            adapt(network, rank=work.train.lora.rank, alpha=1, seed=0)
        for block in network.transformer_blocks:
            _narrow(block, way.tensor)
            block.attn1.set_processor(Gathering(way.context))
    for module in network.modules():
        if isinstance(module, nn.LayerNorm):
            # Under autocast a GPU normalises in fp32, which a CPU does not.
            module.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))
    prepare_blocks(network.transformer_blocks, recompute=way.recompute, compiles=False)
    return network.train()


def _forward(network: Any, work: Work, grid: tuple[int, int, int]) -> Tensor:
    channels, text = work.backbone.tokenizer.channels, work.backbone.text
    time = torch.rand(1, 1, grid[0], 1, 1) if work.timed else torch.rand(1)
    mask = torch.zeros(1, 1, *grid)
    out: Tensor = network(
        torch.randn(1, channels, *grid),
        time,
        torch.randn(1, text.length, text.width),
        condition_mask=mask,
        return_dict=False,
    )[0]
    return out


def _narrow(block: Any, tensor: int) -> None:
    """Leave what one process of a tensor group has of a block: some heads, some units."""
    if tensor == 1:
        return
    for attention in (block.attn1, block.attn2):
        attention.heads //= tensor
        for name in ("to_q", "to_k", "to_v"):
            old = getattr(attention, name)
            setattr(attention, name, nn.Linear(old.in_features, old.out_features // tensor, bias=False))
        old = attention.to_out[0]
        attention.to_out[0] = nn.Linear(old.in_features // tensor, old.out_features, bias=False)
    wide, narrow = block.ff.net[0].proj, block.ff.net[2]
    block.ff.net[0].proj = nn.Linear(wide.in_features, wide.out_features // tensor, bias=False)
    block.ff.net[2] = nn.Linear(narrow.in_features // tensor, narrow.out_features, bias=False)


class Gathering:
    """Self-attention as diffusers has it, to keys and values of a whole context group, each as many as one's own."""

    def __init__(self, context: int) -> None:
        self.context = context

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: None = None,
        attention_mask: None = None,
        image_rotary_emb: Any = None,
    ) -> Tensor:
        query, key, value = (
            project(hidden_states).unflatten(2, (attn.heads, -1)).transpose(1, 2)
            for project in (attn.to_q, attn.to_k, attn.to_v)
        )
        query, key = (
            apply_rotary_emb(norm(each), image_rotary_emb, use_real=True, use_real_unbind_dim=-2)
            for norm, each in ((attn.norm_q, query), (attn.norm_k, key))
        )
        if self.context > 1:
            key, value = (torch.cat([each.type_as(value)] * self.context, 2) for each in (key, value))
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        return attn.to_out[0](attended.transpose(1, 2).flatten(2, 3).type_as(query))
