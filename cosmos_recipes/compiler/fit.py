"""Pass 3: the way of training that fits the declared machines, fastest first, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from cosmos_recipes.compiler.memory import Memory, flops_per_clip, memory
from cosmos_recipes.compiler.plan import ClipPlan, FitPlan, HardwarePlan, Strategy
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.conditioning.base import Surroundings
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.recipe.spec import Hardware, Train

USABLE = 0.9
"""Share of a GPU's memory that is planned with; the rest is for the driver, communication and fragmentation."""
RECOMPUTED = 4 / 3
"""With checkpointed activations the forward pass is done twice."""
SECONDS_PER_BLOCK = 1.5e-3
"""Time that launching the kernels of one block takes, forward and backward, however small the clip."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to train."""

    strategy: Strategy
    checkpointed: bool
    micro_batch: int

    def __str__(self) -> str:
        kept = "activations recomputed" if self.checkpointed else "activations kept"
        return f"{self.strategy}, {kept}, {self.micro_batch} {'clip' if self.micro_batch == 1 else 'clips'} at once"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """The chosen way, what it needs, and the faster ones that do not fit."""

    way: Way
    accumulate: int
    memory: Memory
    hardware: HardwarePlan
    plan: FitPlan


def devices_per_node(hardware: Hardware) -> int:
    """Return the processes on each machine."""
    return hardware.gpus or hardware.processes


def world_size(hardware: Hardware) -> int:
    """Return the processes on all machines."""
    return hardware.nodes * devices_per_node(hardware)


def fit(resolved: Resolved, clip: ClipPlan) -> Fit:
    """Return how to train on the declared hardware.

    Raises:
        RecipeError: no way fits the memory of a GPU (CR400, CR401).
    """
    recipe = resolved.loaded.recipe
    per_device = recipe.train.global_batch // world_size(recipe.hardware)
    available = int(USABLE * resolved.gpu.memory_bytes) if resolved.gpu else None
    rejected: list[tuple[Way, Memory]] = []
    for way in _ways(recipe.train, recipe.hardware, per_device):
        needed = _memory(resolved, clip, way)
        if available is None or needed.total <= available:
            break
        rejected.append((way, needed))
    else:
        _refuse(resolved, clip, available or 0, rejected)
    return _chosen(resolved, clip, way, needed, per_device // way.micro_batch, rejected)


def head_parameters(resolved: Resolved) -> int:
    """Return how many numbers of the conditioning head train."""
    clip, backbone = resolved.loaded.recipe.dataset.clip, resolved.backbone
    conditioning = resolved.loaded.recipe.conditioning
    around = Surroundings.of(
        backbone.architecture.model_dump(),
        text=backbone.text,
        spatial=backbone.tokenizer.spatial,
        temporal=backbone.tokenizer.temporal,
        size_px=clip.size,
        frames=clip.frames,
        numbers=resolved.numbers,
        views=resolved.views,
        attention=conditioning.attention or "full",
        enters=conditioning.enters,
    )
    return resolved.head.parameters(around)


def _ways(train: Train, hardware: Hardware, per_device: int) -> Iterator[Way]:
    """Yield the ways, fastest first: nothing recomputed, whole copies of the state, many clips at once."""
    on_gpu = hardware.gpus > 0
    strategies: list[Strategy] = ["single"] if world_size(hardware) == 1 else ["ddp", "fsdp2"] if on_gpu else ["ddp"]
    sizes = [train.micro_batch] if train.micro_batch else [n for n in range(per_device, 0, -1) if per_device % n == 0]
    for checkpointed in (False, True) if on_gpu else (False,):
        for strategy in strategies:
            for micro_batch in sizes:
                yield Way(strategy=strategy, checkpointed=checkpointed, micro_batch=micro_batch)


def _memory(resolved: Resolved, clip: ClipPlan, way: Way) -> Memory:
    hardware = resolved.loaded.recipe.hardware
    return memory(
        resolved.backbone,
        resolved.loaded.recipe.train,
        tokens=clip.tokens,
        contexts=max(1, len(clip.views)),
        micro_batch=way.micro_batch,
        head=head_parameters(resolved),
        shards=world_size(hardware) if way.strategy == "fsdp2" else 1,
        checkpointed=way.checkpointed,
    )


def _chosen(
    resolved: Resolved, clip: ClipPlan, way: Way, needed: Memory, accumulate: int, rejected: list[tuple[Way, Memory]]
) -> Fit:
    recipe, gpu = resolved.loaded.recipe, resolved.gpu
    flops = recipe.train.global_batch * flops_per_clip(
        resolved.backbone, recipe.train, tokens=clip.tokens, contexts=max(1, len(clip.views))
    )
    hardware = HardwarePlan(
        accelerator="gpu" if gpu else "cpu",
        gpu=recipe.hardware.gpu,
        nodes=recipe.hardware.nodes,
        devices=devices_per_node(recipe.hardware),
        strategy=way.strategy,
        shard=world_size(recipe.hardware) if way.strategy == "fsdp2" else 1,
        recompute="full" if way.checkpointed else "none",
        stall_s=recipe.hardware.stall_s,
    )
    plan = FitPlan(
        weights_bytes=needed.weights,
        gradients_bytes=needed.gradients,
        optimizer_bytes=needed.optimizer,
        average_bytes=needed.average,
        activations_bytes=needed.activations,
        total_bytes=needed.total,
        available_bytes=int(USABLE * gpu.memory_bytes) if gpu else None,
        flops_per_step=flops,
        seconds_per_step=_seconds(resolved, flops, way, accumulate),
        efficiency=gpu.efficiency if gpu else None,
        rejected=tuple(f"{other}: {_gigabytes(least.total)}" for other, least in _least_of_each(rejected)),
    )
    return Fit(way=way, accumulate=accumulate, memory=needed, hardware=hardware, plan=plan)


def _least_of_each(rejected: list[tuple[Way, Memory]]) -> list[tuple[Way, Memory]]:
    """Keep the smallest micro-batch of each strategy, with and without recomputation."""
    return list({(way.strategy, way.checkpointed): (way, needed) for way, needed in rejected}.values())


def _seconds(resolved: Resolved, flops: float, way: Way, accumulate: int) -> float | None:
    """Return the time of a step; None on a CPU, as those differ too much."""
    recipe, gpu = resolved.loaded.recipe, resolved.gpu
    if gpu is None:
        return None
    peak = gpu.bf16_flops if recipe.train.precision == "bf16" else gpu.fp32_flops
    speed = world_size(recipe.hardware) * gpu.efficiency * peak / (RECOMPUTED if way.checkpointed else 1)
    return flops / speed + accumulate * resolved.backbone.architecture.num_layers * SECONDS_PER_BLOCK


def _refuse(resolved: Resolved, clip: ClipPlan, available: int, rejected: list[tuple[Way, Memory]]) -> NoReturn:
    recipe = resolved.loaded.recipe
    way, least = min(rejected, key=lambda pair: pair[1].total)
    place = resolved.loaded.place_of("train.micro_batch")
    if way.micro_batch > 1 and _memory(resolved, clip, _smallest(way)).total <= available:
        code, hint = "CR401", "leave micro_batch out: what fits is chosen, and the global batch stays the same"
    else:
        code, place, hint = "CR400", resolved.loaded.place_of("hardware.gpu"), _advice(resolved, least, available)
    fail(
        code,
        f"{recipe.start.use} does not fit the memory of {recipe.hardware.gpu}",
        place=place,
        expected=f"at most {_gigabytes(available)} on each GPU",
        found=f"{_gigabytes(least.total)} with {way}: {_parts(least)}",
        hint=hint,
    )


def _smallest(way: Way) -> Way:
    return Way(strategy=way.strategy, checkpointed=way.checkpointed, micro_batch=1)


def _advice(resolved: Resolved, least: Memory, available: int) -> str:
    """Say what would make it fit: fewer tokens if those are too much by themselves, else more or larger GPUs."""
    if least.total - least.activations > available:
        return "declare more GPUs, over which weights and optimizer state are split, or GPUs with more memory"
    return "make the clip smaller (dataset.clip.frames or size), or declare GPUs with more memory"


def _parts(needed: Memory) -> str:
    names = ("weights", "gradients", "optimizer", "average", "activations")
    return ", ".join(f"{name} {_gigabytes(value)}" for name in names if (value := getattr(needed, name)))


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
