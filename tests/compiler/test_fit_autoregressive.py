"""What the compiler reckons of a decoder is what torch does."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from cosmos_recipes.backbones.autoregressive.network import Decoder
from cosmos_recipes.backbones.zoo import ZooEntry, backbone
from cosmos_recipes.compiler.memory import LIBRARIES_BYTES, Work, activations, flops_per_clip, memory
from cosmos_recipes.compiler.ways import Way
from cosmos_recipes.recipe.spec import Optimizer, Train
from cosmos_recipes.training.optimizer import build_optimizer
from cosmos_recipes.training.parallel.blocks import prepare_blocks
from tests.compiler.live import held_by

GRID = (4, 12, 12)
TOKENS = 4 * 12 * 12
TINY, GENERAL = "tiny-autoregressive", "predict1-4b"


def small(name: str, layers: int) -> ZooEntry:
    """Return a backbone with so many blocks of the tiny one's widths, and the parts of its own."""
    tiny, entry = backbone(TINY), backbone(name)
    widths = {"hidden_size", "num_attention_heads", "attention_head_dim", "intermediate_size", "vocabulary"}
    sizes = tiny.architecture.model_dump(include=widths)
    heads = min(2, entry.architecture.num_key_value_heads) if name == GENERAL else 4
    change = {**sizes, "num_key_value_heads": heads, "embedded_tokens": 1088, "num_layers": layers}
    return entry.model_copy(update={"architecture": entry.architecture.model_copy(update=change)})


def step(entry: ZooEntry, train: Train) -> Decoder:
    """Run forward and backward of one clip."""
    architecture = entry.architecture
    network, text = Decoder(**architecture.model_dump()), entry.text
    token_BL = torch.randint(0, architecture.vocabulary, (1, TOKENS))
    entering = {"encoder_hidden_states": torch.randn(1, text.length, text.width)} if text.length else {}
    sequence = network.sequence(GRID, views=1, layout=None)
    with torch.autocast("cpu", torch.bfloat16, enabled=train.precision == "bf16"):
        logits_BSK = network(sequence.held(token_BL, architecture.begin_token), network.around(sequence, entering))
    next_S = sequence.predicts_S[:-1]
    torch.nn.functional.cross_entropy(logits_BSK[0, :-1].float(), token_BL[0, next_S]).backward()
    return network


def saved_bytes(entry: ZooEntry, train: Train) -> int:
    """Return what autograd keeps for backward, weights and their copies apart."""
    sizes: dict[int, tuple[int, object]] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        is_weight = isinstance(tensor, torch.nn.Parameter)
        is_copy_of_weight = tensor.ndim == 2 and tensor.shape[0] not in (TOKENS, TOKENS + 1, entry.text.length)
        if not (is_weight or is_copy_of_weight):
            # Holding the storage keeps its address from being used again.
            sizes[storage.data_ptr()] = (storage.nbytes(), storage)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        step(entry, train)
    return sum(size for size, _ in sizes.values())


@pytest.mark.parametrize("name", [TINY, GENERAL])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_activations_are_what_autograd_saves(precision: str, name: str) -> None:
    entry, train = small(name, 4), Train(steps=1, global_batch=1, precision=precision)
    reckoned = activations(Work(backbone=entry, train=train, tokens=TOKENS), Way())

    assert 0.95 < reckoned / saved_bytes(entry, train) < 1.1


@pytest.mark.parametrize("recompute", ["none", "selective", "full"])
@pytest.mark.parametrize("name", [GENERAL, "predict1-5b-video2world"])
def test_a_step_holds_what_is_reckoned(name: str, recompute: Any) -> None:
    """At NVIDIA's width, and the clip of its training, with two blocks."""
    entry = backbone(name)
    entry = entry.model_copy(update={"architecture": entry.architecture.model_copy(update={"num_layers": 2})})
    grid, text = (5, 40, 64), entry.text
    with torch.device("meta"):
        network: Any = Decoder(**entry.architecture.model_dump())
    prepare_blocks(network.train().transformer_blocks, recompute=recompute, compiles=False)

    def loss() -> torch.Tensor:
        token_BL = torch.zeros(1, prod(grid), dtype=torch.long)
        entering = {"encoder_hidden_states": torch.randn(1, text.length, text.width)} if text.length else {}
        sequence = network.sequence(grid, views=1, layout=None)
        with torch.autocast("cpu", torch.bfloat16):
            held_BS = sequence.held(token_BL, entry.architecture.begin_token)
            logits_BSK = network(held_BS, network.around(sequence, entering))
        return torch.nn.functional.cross_entropy(
            logits_BSK[0].float(), torch.zeros(logits_BSK.shape[1], dtype=torch.long)
        )

    left, peak = held_by(network, loss)
    work = Work(backbone=entry, train=Train(steps=1, global_batch=1), tokens=prod(grid))
    way = Way(recompute=recompute)
    reckoned = memory(work, way)

    kept = activations(work, way) + reckoned.copies
    assert kept == pytest.approx(left, rel=0.1)
    most = reckoned.total - reckoned.weights - reckoned.optimizer - LIBRARIES_BYTES
    assert 0.97 < most / peak < 1.1 + reckoned.gradients / peak


@pytest.mark.parametrize("name", [TINY, GENERAL])
def test_operations_are_what_torch_counts(name: str) -> None:
    entry, train = small(name, 3), Train(steps=1, global_batch=1, precision="fp32")
    # The counter knows neither the fused attention of a CPU, nor that half of it is left out.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        step(entry, train)
    left_out = 6.0 * 3 * entry.architecture.attention_width * TOKENS**2

    assert flops_per_clip(Work(backbone=entry, train=train, tokens=TOKENS)) + left_out == pytest.approx(
        counted.get_total_flops(), rel=0.03
    )


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_state_is_what_torch_holds(name: str) -> None:
    entry = small(TINY, 2)
    train = Train(steps=1, global_batch=1, precision="fp32", optimizer=Optimizer(name=name))
    reckoned = memory(Work(backbone=entry, train=train, tokens=TOKENS), Way())
    network = step(entry, train)
    optimizer = build_optimizer(network, train.optimizer)
    optimizer.step()
    held = sum(value.nbytes for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value))

    assert reckoned.optimizer == pytest.approx(held, rel=0.01)
    assert reckoned.weights == reckoned.gradients == sum(weight.nbytes for weight in network.parameters())


@pytest.mark.parametrize("name", [TINY, GENERAL, "predict1-13b-video2world"])
def test_parameters_are_those_of_the_class(name: str) -> None:
    architecture = backbone(name).architecture
    with torch.device("meta"):
        network = Decoder(**architecture.model_dump())

    assert architecture.parameters == sum(parameter.numel() for parameter in network.parameters())
