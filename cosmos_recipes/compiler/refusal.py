"""What is said where nothing fits: the GPUs, the machine or its disk, or what the recipe pins."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from cosmos_recipes.compiler.memory import Work
from cosmos_recipes.compiler.plan import ClipPlan, FitPlan
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.compiler.search import Candidate, Survey, survey
from cosmos_recipes.compiler.ways import PINS
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.recipe.spec import Train


def refuse(resolved: Resolved, work: Work, clip: ClipPlan, found: Survey) -> NoReturn:
    """Say why there is no way to train.

    Raises:
        RecipeError: none is possible (CR324), or none fits the GPUs (CR400), for what is pinned (CR401, CR403).
    """
    if not found.too_large:
        _refuse_impossible(resolved, found)
    recipe, train = resolved.loaded.recipe, work.train
    available = found.available or 0
    least = min(found.too_large, key=lambda each: each.memory.total)
    pinned = [key for key in PINS if getattr(recipe.hardware, key) is not None]
    place, hint = resolved.loaded.place_of("hardware.gpu"), _advice(resolved, train)
    code = "CR400"
    if train.micro_batch and train.micro_batch > 1 and _fits(resolved, work, clip, micro_batch=None):
        code, place = "CR401", resolved.loaded.place_of("train.micro_batch")
        hint = "leave micro_batch out: what fits is chosen, and the global batch stays the same"
    elif pinned and _fits(resolved, work, clip, **dict.fromkeys(pinned)):
        code, place = "CR403", resolved.loaded.place_of(f"hardware.{pinned[0]}")
        hint = f"leave {' and '.join(pinned)} out of `hardware`: the fastest way that fits is chosen"
    fail(
        code,
        f"{recipe.start.use} does not fit the memory of {recipe.hardware.gpu}",
        place=place,
        expected=f"at most {available / 1e9:.1f} GB on each GPU",
        found=f"{least.memory.total / 1e9:.1f} GB with {least.way}: {_parts(least)}",
        hint=hint,
    )


def require_storage(resolved: Resolved, plan: FitPlan) -> None:
    """Refuse a run for which the declared memory of a machine (CR405) or its disk (CR406) is too small."""
    hardware = resolved.loaded.recipe.hardware
    needs = (
        ("host_memory", "CR405", "memory of each machine", plan.host, hardware.host_memory),
        ("disk", "CR406", "disk", plan.disk, hardware.disk),
    )
    for key, code, what, needed, limit in needs:
        if needed is not None and limit is not None and needed.total_bytes > limit:
            parts = {name.removesuffix("_bytes"): size for name, size in needed.model_dump().items()}
            said = ", ".join(f"{name} {size / 1e9:.1f} GB" for name, size in parts.items())
            fail(
                code,
                f"the run needs more {what} than is declared",
                place=resolved.loaded.place_of(f"hardware.{key}"),
                expected=f"{needed.total_bytes / 1e9:.1f} GB or more",
                found=f"{limit / 1e9:.1f} GB: {said}",
                hint=_STORAGE_HINTS[key],
            )


_STORAGE_HINTS = {
    "host_memory": "declare machines with more memory, or fewer processes on each",
    "disk": "keep fewer checkpoints (train.keep_checkpoints), use fewer clips (dataset.limit), or declare a larger disk",
}


def _refuse_impossible(resolved: Resolved, found: Survey) -> NoReturn:
    loaded = resolved.loaded
    fail(
        "CR324",
        "there is no way to share the work like this",
        place=loaded.place_of("hardware"),
        expected="a global batch, tokens and heads that can be divided",
        found="; ".join(found.impossible) or "no way that keeps to all of `hardware`",
        hint="change train.global_batch, or leave context, tensor, shard and strategy out of `hardware`",
    )


def _fits(resolved: Resolved, work: Work, clip: ClipPlan, **freed: None) -> bool:
    """Return whether something fits once settings are left out: the micro-batch, or pins of `hardware`."""
    train, hardware = work.train, resolved.loaded.recipe.hardware
    if "micro_batch" in freed:
        train = train.model_copy(update=freed)
    else:
        hardware = hardware.model_copy(update=freed)
    work = replace(work, train=train)
    return bool(survey(work, clip, hardware, resolved.gpu).fitting)


def _advice(resolved: Resolved, train: Train) -> str:
    """Say what would make it fit."""
    adapters = "train adapters (train.method), " if train.lora is None and "lora" in resolved.backbone.methods else ""
    return (
        f"make the clip smaller (dataset.clip.frames or size), {adapters}or declare more GPUs, or some with more memory"
    )


def _parts(least: Candidate) -> str:
    return ", ".join(f"{name} {size / 1e9:.1f} GB" for name, size in least.memory.parts().items() if size >= 5e7)
