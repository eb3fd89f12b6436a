"""Whether the machines that a recipe declares, and what it pins of how they share the work, can be."""

from __future__ import annotations

from collections.abc import Iterator

from cosmos_recipes.compiler.gpus import GPUS
from cosmos_recipes.compiler.mesh import impossible
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.compiler.shape import clip_plan, nearest_multiple
from cosmos_recipes.compiler.ways import PINS, Machines, shares
from cosmos_recipes.diagnostics import Problem
from cosmos_recipes.recipe.load import LoadedRecipe
from cosmos_recipes.recipe.spec import Hardware, Strategy


def check_hardware(loaded: LoadedRecipe) -> Iterator[Problem]:
    """Yield what is wrong with `hardware` by itself, and with how it shares out the global batch."""
    pinned = list(_pins(loaded))
    yield from (*_gpus(loaded), *pinned)
    if not pinned:
        yield from _batch(loaded)


def check_shares(resolved: Resolved) -> Iterator[Problem]:
    """Yield what a recipe pins that the network or the clip cannot be split by."""
    loaded, architecture = resolved.loaded, resolved.backbone.architecture
    clip = clip_plan(loaded.recipe, resolved.backbone, resolved.views)
    for key, other in (("context", "tensor"), ("tensor", "context")):
        size = getattr(loaded.recipe.hardware, key)
        reason = impossible(architecture, clip, **{key: size or 1, other: 1})
        if reason:
            yield Problem(
                code="CR324",
                message=f"{resolved.backbone.name} cannot be trained with this `{key}`",
                place=loaded.place_of(f"hardware.{key}"),
                expected="a size by which the network and the clip can be split",
                found=f"{size}: {reason}",
                hint=f"leave `{key}` out: the fastest way that fits is chosen",
            )


def _gpus(loaded: LoadedRecipe) -> Iterator[Problem]:
    hardware = loaded.recipe.hardware
    if hardware.gpus and hardware.gpu is None:
        yield Problem(
            code="CR321",
            message="the kind of GPU is not said",
            place=loaded.place_of("hardware.gpus"),
            expected=f"`gpu:` one of {', '.join(GPUS)}",
            hint="add `gpu: h100-80gb`, or whichever they are",
        )
    if hardware.gpu is not None and not hardware.gpus:
        yield Problem(
            code="CR321",
            message="a kind of GPU is named, but there are none",
            place=loaded.place_of("hardware.gpu"),
            expected="`gpus:` the number of GPUs on each node",
            hint="add `gpus: 1`, or remove `gpu`",
        )
    if hardware.gpus and hardware.processes > 1:
        yield Problem(
            code="CR322",
            message="with GPUs there is one process for each, so `processes` would be ignored",
            place=loaded.place_of("hardware.processes"),
            found=f"`gpus: {hardware.gpus}` and `processes: {hardware.processes}`",
            hint="remove `processes`",
        )


def _pins(loaded: LoadedRecipe) -> Iterator[Problem]:
    """Yield what is pinned that no way to share the work keeps to."""
    hardware, machines = loaded.recipe.hardware, Machines.of(loaded.recipe.hardware)
    pinned = {key: value for key in PINS if (value := getattr(hardware, key)) is not None}
    if any(shares(machines, hardware)):
        return
    yield Problem(
        code="CR323",
        message="the processes cannot be shared out like this",
        place=loaded.place_of(f"hardware.{next(iter(pinned))}"),
        expected=_broken_rule(hardware, machines),
        found=", ".join(f"{key}: {value}" for key, value in pinned.items() if key not in ("recompute", "offload")),
        hint="leave all but one of these out: the others follow",
    )


def _broken_rule(hardware: Hardware, machines: Machines) -> str:
    """Return the first rule that pinned sizes break."""
    tensor, context = hardware.tensor or 1, hardware.context or 1
    shard = hardware.shard or context
    if machines.devices % tensor:
        return f"a tensor that divides {machines.devices}, the processes of a machine"
    if shard % context:
        return "a shard that is a multiple of context, whose processes are among those that split the state"
    if machines.world % (shard * tensor):
        return f"shard x tensor that divides {machines.world}, the processes of all machines"
    return f"another strategy: {_STRATEGIES[hardware.strategy or 'single']}"


_STRATEGIES: dict[Strategy, str] = {
    "single": "single is one process",
    "ddp": "ddp splits nothing, so it has neither shard nor context nor tensor",
    "fsdp2": "fsdp2 splits the state over all processes, so that shard x tensor are all of them",
    "hsdp": "hsdp has several copies of split state, so that shard x tensor are some of the processes",
}


def _batch(loaded: LoadedRecipe) -> Iterator[Problem]:
    """Yield that no way to share the work shares out the global batch."""
    recipe = loaded.recipe
    train, machines = recipe.train, Machines.of(recipe.hardware)
    groups = {way.groups for way in shares(machines, recipe.hardware)}
    at_once = train.micro_batch or 1
    if all(train.global_batch % (number * at_once) for number in groups):
        step, world = max(groups) * at_once, max(groups)
        each = f", {at_once} clips at once on each" if train.micro_batch else ""
        yield Problem(
            code="CR320",
            message="the global batch cannot be shared out evenly",
            place=loaded.place_of("train.global_batch"),
            expected=f"a multiple of {step} ({world} {'process' if world == 1 else 'processes'}{each})",
            found=str(train.global_batch),
            hint=f"use {nearest_multiple(train.global_batch, step)}",
        )
