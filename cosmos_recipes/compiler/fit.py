"""Pass 3: the way of training that fits the declared machines, fastest first, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from cosmos_recipes.compiler.memory import Memory, Work, flops_per_clip
from cosmos_recipes.compiler.plan import ClipPlan, FitPlan, HardwarePlan, TimePlan
from cosmos_recipes.compiler.prices import prices
from cosmos_recipes.compiler.refusal import refuse, require_storage
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.compiler.search import Candidate, Survey, survey
from cosmos_recipes.compiler.speed import FASTEST, SLOWEST
from cosmos_recipes.compiler.storage import disk_plan, host_plan
from cosmos_recipes.compiler.ways import Machines
from cosmos_recipes.conditioning.base import Surroundings
from cosmos_recipes.recipe.spec import Hardware

SHOWN = 8
"""Ways of each kind that a plan tells of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """The chosen way, as the plan has it."""

    micro_batch: int
    accumulate: int
    hardware: HardwarePlan
    plan: FitPlan


def world_size(hardware: Hardware) -> int:
    """Return the processes on all machines."""
    return Machines.of(hardware).world


def fit(resolved: Resolved, clip: ClipPlan) -> Fit:
    """Return how to train on the declared hardware.

    Raises:
        RecipeError: no way is possible (CR324), no way fits the memory of a GPU (CR400, CR401, CR403), or the
            machine or its disk is too small (CR405, CR406); or the person's prices cannot be read.
    """
    recipe, gpu, work = resolved.loaded.recipe, resolved.gpu, work_of(resolved, clip)
    found = survey(work, clip, recipe.hardware, gpu)
    if not found.fitting:
        refuse(resolved, work, clip, found)
    chosen = found.fitting[0]
    way, hardware = chosen.way, recipe.hardware
    plan = HardwarePlan(
        accelerator="gpu" if gpu else "cpu",
        gpu=hardware.gpu,
        nodes=hardware.nodes,
        devices=Machines.of(hardware).devices,
        strategy=way.strategy,
        shard=way.shard,
        context=way.context,
        tensor=way.tensor,
        recompute=way.recompute,
        offload=way.offload,
        compile=way.compile,
        stall_s=hardware.stall_s,
    )
    fitted = _fit_plan(resolved, work, clip, found)
    require_storage(resolved, fitted)
    return Fit(micro_batch=way.micro_batch, accumulate=way.accumulate, hardware=plan, plan=fitted)


def work_of(resolved: Resolved, clip: ClipPlan) -> Work:
    """Return what is trained in each step."""
    recipe, head = resolved.loaded.recipe, resolved.head
    entry = head.entry(recipe.conditioning.enters, resolved.backbone.family)
    times_frames = resolved.backbone.objective.times_frames or entry in head.with_time
    return Work(
        backbone=resolved.backbone,
        train=recipe.train,
        tokens=clip.tokens,
        contexts=max(1, len(clip.views)),
        head=head_parameters(resolved),
        timed=times_frames and resolved.backbone.objective.denoises,
    )


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


def _fit_plan(resolved: Resolved, work: Work, clip: ClipPlan, found: Survey) -> FitPlan:
    recipe, gpu, chosen = resolved.loaded.recipe, resolved.gpu, found.fitting[0]
    accelerator, time = "gpu" if gpu else "cpu", _time(resolved, chosen)
    hours = time.range_s[1] * recipe.train.steps / 3600 if time else None
    return FitPlan(
        **{f"{name}_bytes": size for name, size in chosen.memory.parts().items()},
        total_bytes=chosen.memory.total,
        available_bytes=found.available,
        flops_per_step=recipe.train.global_batch * flops_per_clip(work),
        seconds_per_step=chosen.seconds,
        efficiency=gpu.efficiency if gpu else None,
        chosen=str(chosen.way),
        time=time,
        host=host_plan(work, chosen.way, Machines.of(recipe.hardware), chosen.memory, accelerator=accelerator),
        disk=disk_plan(work, clip, resolved.description, limit=recipe.dataset.limit, hours=hours),
        alternatives=tuple(_with_time(each) for each in found.fitting[1 : 1 + SHOWN // 2]),
        rejected=tuple(_with_memory(each) for each in found.too_large[:SHOWN]),
        impossible=found.impossible[:SHOWN],
    )


def _time(resolved: Resolved, chosen: Candidate) -> TimePlan | None:
    """Return the time of a step and of the run; None on a CPU, as those differ too much."""
    recipe = resolved.loaded.recipe
    if chosen.time is None:
        return None
    low_s, high_s = FASTEST * chosen.time.total, SLOWEST * chosen.time.total
    hours_of_a_second = chosen.way.world * recipe.train.steps / 3600
    hours = (hours_of_a_second * low_s, hours_of_a_second * high_s)
    table, file = prices()
    price = table.gpu_hour.get(str(recipe.hardware.gpu))
    return TimePlan(
        **{f"{name}_s": seconds for name, seconds in chosen.time.parts().items()},
        range_s=(low_s, high_s),
        gpu_hours=hours,
        cost=(hours[0] * price.lowest, hours[1] * price.highest) if price else None,
        currency=table.currency if price else None,
        prices=file,
    )


def _with_time(each: Candidate) -> str:
    seconds = f"{each.seconds:.3g} s a step, " if each.seconds is not None else ""
    return f"{each.way}: {seconds}{gigabytes(each.memory)}"


def _with_memory(each: Candidate) -> str:
    return f"{each.way}: {gigabytes(each.memory)}"


def gigabytes(needed: Memory) -> str:
    """Return a size of memory in words."""
    return f"{needed.total / 1e9:.1f} GB"
