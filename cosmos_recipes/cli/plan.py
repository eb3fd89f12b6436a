"""`cosmos-recipe plan`: will it fit, how fast is it, and what does it cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cosmos_recipes.compiler.plan import FitPlan, Plan, TimePlan


def plan(
    recipe: Annotated[str, typer.Argument(help="A recipe: a name or a path.")],
    profile: Annotated[str | None, typer.Option("--profile", "-p", help="A profile of the recipe.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value: key.path=value; may be repeated.")
    ] = None,
    hardware: Annotated[
        str | None,
        typer.Option(
            "--hardware",
            help="GPUs x kind, or machines x GPUs x kind: 8xh100-80gb, 4x8xh100-80gb; else the recipe's own.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write it for programs.")] = False,
) -> None:
    """Say whether a recipe fits some machines: how it would be trained, what needs how much, how long, for how much money.

    Writes and runs nothing. Prices are those of `prices.yaml` in this folder or in $XDG_CONFIG_HOME/cosmos-recipes/, else
    rough ones that are shipped.

    \b
    Examples:
      cosmos-recipe plan factory --profile predict2.5-2b
      cosmos-recipe plan factory --profile predict2.5-2b --hardware 4x8xh100-80gb
      cosmos-recipe plan factory --profile predict2.5-2b --set "train.method={lora: {rank: 16}}" --hardware 1xl40s-48gb
    """
    from cosmos_recipes.compiler.compile import compile_recipe
    from cosmos_recipes.compiler.machines import overrides_of
    from cosmos_recipes.recipe.load import load_recipe

    said = [*(overrides_of(hardware) if hardware else ()), *(overrides or [])]
    made = compile_recipe(load_recipe(recipe, profile=profile, overrides=said))
    typer.echo(as_document(made) if as_json else "\n".join(screen(made)))


def as_document(made: Plan) -> str:
    """Return what was planned as JSON: `hardware`, `train` and `fit` of plan.yaml."""
    return made.model_dump_json(include={"recipe", "profile", "hardware", "train", "fit", "notes"}, indent=2)


def screen(made: Plan) -> Iterator[str]:
    """Yield what was planned, line by line."""
    fit, clip = made.fit, made.data.clip
    yield f"{made.recipe}, {made.profile or 'no profile'}, on {_machines(made)}"
    yield (
        f"{made.backbone.name}, {made.train.method}: clips of {clip.frames} frames, {clip.height_px}x{clip.width_px}, "
        f"{clip.tokens:,} tokens"
    )
    yield ""
    yield from _way(made)
    yield from _duration(made)
    yield from _parts("memory of each device", _memory(fit), fit.total_bytes, fit.available_bytes)
    for title, part in (("memory of each machine", fit.host), ("disk", fit.disk)):
        if part:
            sizes = {name.removesuffix("_bytes"): size for name, size in part.model_dump().items()}
            yield from _parts(title, sizes, part.total_bytes, None)
    for title, lines in (
        ("next best", fit.alternatives),
        ("faster, but too large", fit.rejected),
        ("impossible", fit.impossible),
        ("note", made.notes),
    ):
        if lines:
            yield from ("", title, *(f"  {line}" for line in lines))


def _machines(made: Plan) -> str:
    hardware = made.hardware
    each = f"{hardware.devices} x {hardware.gpu}" if hardware.gpu else f"{hardware.devices} CPU process(es)"
    return each if hardware.nodes == 1 else f"{hardware.nodes} machines with {each}"


def _way(made: Plan) -> Iterator[str]:
    hardware, train = made.hardware, made.train
    yield f"way       {made.fit.chosen}"
    yield (
        f"batch     {train.global_batch} clips: {hardware.data_parallel} group(s) of {hardware.context * hardware.tensor}, "
        f"{train.micro_batch} at once, {train.accumulate} time(s) a step"
    )


def _duration(made: Plan) -> Iterator[str]:
    from cosmos_recipes.cli.screen import duration

    time = made.fit.time
    if time is None:
        return
    low_s, high_s = time.range_s
    parts = {name.removesuffix("_s"): seconds for name, seconds in time.model_dump().items() if name.endswith("_s")}
    said = [f"{name} {duration(parts[name])}" for name in parts if name != "range" and parts[name] >= 0.05]
    yield f"step      {duration(made.fit.seconds_per_step or 0)}, from {duration(low_s)} to {duration(high_s)}: {', '.join(said)}"
    steps = made.train.steps
    yield f"training  {steps:,} steps: {duration(steps * low_s)} to {duration(steps * high_s)}"
    yield f"cost      {_cost(time)}"


def _cost(time: TimePlan) -> str:
    hours = " to ".join(f"{each:,.3g}" if each < 100 else f"{each:,.0f}" for each in time.gpu_hours) + " GPU-hours"
    if time.cost is None:
        return f"{hours}; {time.prices} has no price of this GPU"
    return f"{hours}, {time.cost[0]:,.0f} to {time.cost[1]:,.0f} {time.currency} by {time.prices}"


def _memory(fit: FitPlan) -> dict[str, int]:
    names = ("weights", "gradients", "optimizer", "average", "copies", "activations", "workspace", "communication")
    return {name: getattr(fit, f"{name}_bytes") for name in names}


def _parts(title: str, sizes: dict[str, int], total: int, available: int | None) -> Iterator[str]:
    limit = f" of {available / 1e9:.1f} GB" if available else ""
    yield from ("", f"{title:<24}{total / 1e9:>8.1f} GB{limit}")
    for name, size in sizes.items():
        if size >= 5e7:
            yield f"  {name:<22}{size / 1e9:>8.1f} GB"
