"""What the compiler reckons is what torch does, and what it chooses fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import CosmosTransformer3DModel
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from cosmos_recipes.backbones.adapters import adapt
from cosmos_recipes.backbones.zoo import ZooEntry, backbone
from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.gpus import GPUS
from cosmos_recipes.compiler.memory import activations, flops_per_clip, memory
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.recipe.spec import Optimizer, Train
from cosmos_recipes.training.world_model import WorldModel

Compile = Callable[..., Plan]
GRID = (4, 12, 12)
TOKENS = 4 * 12 * 12
METHODS = ["full", {"lora": {"rank": 16}}]


def small(layers: int) -> ZooEntry:
    entry = backbone("tiny-diffusion")
    return entry.model_copy(update={"architecture": entry.architecture.model_copy(update={"num_layers": layers})})


def step(entry: ZooEntry, train: Train, *, checkpointed: bool) -> CosmosTransformer3DModel:
    """Run forward and backward of one clip."""
    network = CosmosTransformer3DModel(**entry.architecture.model_dump())
    if train.lora:
        adapt(network, rank=train.lora.rank, alpha=1, seed=0)
    if checkpointed:
        network.enable_gradient_checkpointing()
    channels, text = entry.tokenizer.channels, entry.text
    with torch.autocast("cpu", torch.bfloat16, enabled=train.precision == "bf16"):
        out = network(
            torch.randn(1, channels, *GRID),
            torch.rand(1),
            torch.randn(1, text.length, text.width),
            condition_mask=torch.zeros(1, 1, *GRID),
            return_dict=False,
        )[0]
    out.float().square().mean().backward()
    return network


def saved_bytes(entry: ZooEntry, train: Train) -> int:
    """Return what autograd keeps for backward, weights and their copies apart."""
    sizes: dict[int, tuple[int, object]] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        is_weight = isinstance(tensor, torch.nn.Parameter)
        is_copy_of_weight = tensor.ndim == 2 and max(tensor.shape) <= 4 * entry.architecture.width
        if not (is_weight or is_copy_of_weight):
            # Holding the storage keeps its address from being used again.
            sizes[storage.data_ptr()] = (storage.nbytes(), storage)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        step(entry, train, checkpointed=False)
    return sum(size for size, _ in sizes.values())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_activations_are_what_autograd_saves(precision: str, method: Any) -> None:
    entry, train = small(4), Train(steps=1, global_batch=1, precision=precision, method=method)
    reckoned = activations(entry, train, tokens=TOKENS, checkpointed=False)

    # A GPU normalises in fp32 under autocast, which a CPU does not: the estimate is for the GPU.
    most = 1.25 if precision == "bf16" else 1.1
    assert 0.95 < reckoned / saved_bytes(entry, train) < most


@pytest.mark.parametrize("method", METHODS)
def test_operations_are_what_torch_counts(method: Any) -> None:
    entry, train = small(3), Train(steps=1, global_batch=1, precision="fp32", method=method)
    # The counter does not know the fused attention of a CPU.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        step(entry, train, checkpointed=False)

    # Under adapters nothing needs the gradient of the first block's input, which shows in three blocks.
    most = 0.04 if train.lora else 0.03
    assert flops_per_clip(entry, train, tokens=TOKENS) == pytest.approx(counted.get_total_flops(), rel=most)


@pytest.mark.parametrize("method", METHODS)
def test_state_is_what_torch_holds(method: Any) -> None:
    from cosmos_recipes.training.optimizer import build_optimizer

    entry = small(2)
    for name in ("adamw", "muon"):
        train = Train(steps=1, global_batch=1, precision="fp32", optimizer=Optimizer(name=name), method=method)
        reckoned = memory(entry, train, tokens=TOKENS, micro_batch=1, shards=1, checkpointed=False)
        network = step(entry, train, checkpointed=False)
        optimizer = build_optimizer(network, train.optimizer)
        optimizer.step()
        held = sum(
            value.nbytes for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value)
        )
        weights = [parameter for parameter in network.parameters() if parameter.grad is not None]
        assert reckoned.optimizer == pytest.approx(held, rel=0.01)
        assert reckoned.weights == sum(weight.nbytes for weight in network.parameters())
        assert reckoned.gradients == sum(weight.grad.nbytes for weight in weights if weight.grad is not None)


def test_predict_2b_on_one_h100_needs_what_is_published(compiled: Compile) -> None:
    """NVIDIA's cookbook gives about 50 GB for full post-training of Predict2-2B."""
    plan = compiled("hardware.gpus=1", "train.micro_batch=1", profile="big")

    assert 40e9 < plan.fit.total_bytes < 60e9
    assert plan.hardware.recompute == "full"
    assert plan.fit.rejected == ("single, activations kept, 1 clip at once: 203.6 GB",)


def test_predict_2b_at_720p_takes_about_the_time_that_is_published(compiled: Compile) -> None:
    """10.07 s on 8 H100 NVL for 4 clips of 93 frames: Predict2-2B, two GPUs to a clip."""
    overrides = ("dataset.clip.size=704x1280", "train.global_batch=8", "hardware.gpu=h100-nvl-94gb")
    plan = compiled(*overrides, profile="big")

    assert plan.fit.seconds_per_step == pytest.approx(2 * 10.07, rel=0.35)


def test_state_is_sharded_when_copies_do_not_fit(compiled: Compile) -> None:
    plan = compiled("hardware.gpu=a100-40gb", profile="big")

    assert (plan.hardware.strategy, plan.hardware.recompute) == ("fsdp2", "full")
    assert plan.fit.available_bytes is not None
    assert plan.fit.total_bytes <= plan.fit.available_bytes


def test_on_a_cpu_nothing_is_sharded_and_no_time_is_promised(compiled: Compile) -> None:
    plan = compiled("hardware.processes=2")

    assert (plan.hardware.strategy, plan.hardware.devices, plan.train.micro_batch) == ("ddp", 2, 4)
    assert plan.fit.seconds_per_step is None
    assert compiled().hardware.strategy == "single"


def test_an_average_of_the_weights_is_counted(compiled: Compile) -> None:
    plan, averaged = compiled(), compiled("train.ema=0.99")

    assert averaged.fit.total_bytes - plan.fit.total_bytes == averaged.fit.average_bytes == plan.fit.gradients_bytes


def test_the_head_is_counted_and_with_adapters_the_trunk_has_no_gradients(compiled: Compile) -> None:
    model = WorldModel.build(compiled())
    of_head, of_trunk = (sum(p.numel() for p in part.parameters()) for part in (model.head, model.transformer))
    assert compiled().fit.gradients_bytes == 4 * (of_trunk + of_head)
    adapted = compiled("train.method={lora: {rank: 8}}")
    trained = sum(p.numel() for p in WorldModel.build(adapted).parameters() if p.requires_grad)
    assert adapted.fit.gradients_bytes == 4 * trained
    assert adapted.fit.optimizer_bytes == 8 * trained
    assert adapted.fit.weights_bytes >= 4 * (of_trunk + trained)


def test_predict_2b_with_adapters_on_one_gpu_needs_about_what_is_published(compiled: Compile) -> None:
    """NVIDIA's cookbook gives about 20 GB for adapters on Predict2-2B, which it keeps in bf16."""
    plan = compiled("hardware.gpus=1", "train.micro_batch=1", "train.method={lora: {rank: 16}}", profile="big")

    assert 20e9 < plan.fit.total_bytes < 30e9


@settings(max_examples=30, deadline=None)
@given(
    gpus=st.integers(1, 16),
    nodes=st.integers(1, 4),
    share=st.integers(1, 12),
    gpu=st.sampled_from(sorted(GPUS)),
    frames=st.sampled_from([5, 29, 93]),
)
def test_what_is_chosen_fits_and_makes_the_global_batch(
    gpus: int, nodes: int, share: int, gpu: str, frames: int
) -> None:
    overrides = (
        f"hardware={{gpus: {gpus}, nodes: {nodes}, gpu: {gpu}}}",
        f"train.global_batch={gpus * nodes * share}",
        f"dataset.clip.frames={frames}",
        "conditioning.given_frames=1",
    )
    plan, codes = compiled_or_codes(overrides)
    if plan is None:
        assert codes == ["CR400"]
        return
    train, fit = plan.train, plan.fit
    assert train.micro_batch * train.accumulate * gpus * nodes == train.global_batch
    assert fit.available_bytes is not None
    assert fit.total_bytes <= fit.available_bytes
    parts = (fit.weights_bytes, fit.gradients_bytes, fit.optimizer_bytes, fit.activations_bytes, fit.average_bytes)
    assert sum(parts) == fit.total_bytes


def compiled_or_codes(overrides: tuple[str, ...]) -> tuple[Plan | None, list[str]]:
    """Return the plan, or the codes of what is refused."""
    try:
        return compile_recipe(load_recipe("factory", profile="predict2.5-2b", overrides=overrides)), []
    except RecipeError as refused:
        return None, [problem.code for problem in refused.problems]
