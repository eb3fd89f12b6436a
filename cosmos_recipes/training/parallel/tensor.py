"""The matrices of blocks split over processes (tensor parallelism, as in Megatron-LM, arXiv 1909.08053).

Attention is split by heads and a feed-forward network by its inner width: the matrices before are cut into columns of the
output, those after into rows of the input, and one sum makes the result whole. Low-rank adapters are cut with the matrix
that they are on. Parts are DTensors, so that FSDP2 can split them further and checkpoints know what they are parts of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from diffusers.models.attention import FeedForward as DiffusionFeedForward
from diffusers.models.attention_processor import Attention as DiffusionAttention
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from cosmos_recipes.backbones.autoregressive.attention import Attention
from cosmos_recipes.backbones.autoregressive.network import FeedForward
from cosmos_recipes.backbones.peers import Peers

BEFORE = ("to_q", "to_k", "to_v", "net.0.proj", "wq", "wk", "wv", "w1", "w3")
AFTER = ("to_out.0", "net.2", "wo", "w2")
NORMS = ("norm_q", "norm_k", "q_norm", "k_norm")
HEADS = ("heads", "kv_heads")
UNITS = (DiffusionAttention, DiffusionFeedForward, Attention, FeedForward)


def split_matrices(model: nn.Module, mesh: DeviceMesh, peers: Peers) -> list[nn.Module]:
    """Cut the attentions and feed-forward networks of a model.

    Returns the modules with a whole `weight` of which each process makes a part of the gradient alone: norms of heads, and
    halves of adapters.
    """
    partial: list[Any] = []
    for unit in [module for module in model.modules() if isinstance(module, UNITS)]:
        for name, dim in [*((name, 0) for name in BEFORE), *((name, 1) for name in AFTER)]:
            if (layer := _found(unit, name)) is not None:
                partial += _cut(layer, mesh, dim)
                if dim:
                    layer.register_forward_hook(lambda _, __, part: peers.summed(part))
        for name in HEADS:
            if hasattr(unit, name):
                setattr(unit, name, getattr(unit, name) // peers.size)
        partial += [norm for name in NORMS if (norm := _found(unit, name)) is not None and hasattr(norm, "weight")]
        if isinstance(unit, (Attention, FeedForward)):
            unit.tensor = peers
        elif isinstance(unit, DiffusionFeedForward):
            unit.register_forward_pre_hook(lambda _, inputs: (peers.copied(inputs[0]), *inputs[1:]))
    return [module for module in partial if module.weight.requires_grad]


class PartOfLinear(nn.Linear):
    """A linear layer that works with this process's part of its matrix."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return this process's columns of the output, or its addend of the whole of it."""
        weight: Any = self.weight
        return nn.functional.linear(inputs[0], weight.to_local())


def _cut(layer: Any, mesh: DeviceMesh, dim: int) -> Iterator[nn.Module]:
    """Cut a layer, and the adapters on it; yields the halves of adapters that stay whole."""
    _cut_linear(getattr(layer, "base_layer", layer), mesh, dim)
    for name in getattr(layer, "lora_A", {}):
        first, second = layer.lora_A[name], layer.lora_B[name]
        _cut_linear(first if dim else second, mesh, dim)
        yield second if dim else first


def _cut_linear(linear: Any, mesh: DeviceMesh, dim: int) -> None:
    assert linear.bias is None, "a bias would be added once by each process"
    weight = linear.weight
    # Every process has the same weights: nothing is sent.
    part = distribute_tensor(weight.detach(), mesh, [Shard(dim)], src_data_rank=None)
    linear.weight = nn.Parameter(part, requires_grad=weight.requires_grad)
    linear.__class__ = PartOfLinear


def _found(unit: nn.Module, name: str) -> Any:
    try:
        return unit.get_submodule(name)
    except AttributeError:
        return None


@torch.no_grad()
def sum_partial_gradients(partial: list[nn.Module], peers: Peers) -> None:
    """Make the gradients whole of which each process made a part; without this, copies of these weights drift apart."""
    gradients: list[Any] = [module.weight.grad for module in partial if module.weight.grad is not None]
    parts = [each.to_local() if isinstance(each, DTensor) else each for each in gradients]
    if parts:
        flat = torch.cat([part.flatten() for part in parts])
        torch.distributed.all_reduce(flat, group=peers.group)
        for part, total in zip(parts, flat.split([part.numel() for part in parts]), strict=True):
            part.copy_(total.view_as(part))
