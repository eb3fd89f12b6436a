"""`cosmos-recipe compile`: a recipe as a plan, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos_recipes.cli import complete

if TYPE_CHECKING:
    from cosmos_recipes.compiler.plan import Plan


def compile_(
    recipe: Annotated[str, typer.Argument(help="A recipe: a name or a path.", autocompletion=complete.recipes)],
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="A profile of the recipe.", autocompletion=complete.profiles)
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value: key.path=value; may be repeated.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write to; by default that of the run.")
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", help="The folder of the runs.")] = Path("runs"),
) -> None:
    """Write and show what a run will do: plan, NeMo's configuration, lock and launch command. Runs nothing.

    \b
    Examples:
      cosmos-recipe compile factory
      cosmos-recipe compile recipes/factory.yaml --profile predict2.5-2b -o plan/
    """
    from cosmos_recipes.compiler.emit import write_files
    from cosmos_recipes.run.folder import RunFolder
    from cosmos_recipes.run.opening import open_recipe

    opened = open_recipe(recipe, profile=profile, overrides=overrides or [])
    folder = output or RunFolder.of(opened.plan, runs).path
    write_files(opened.documents, folder)
    typer.echo("\n".join(overview(opened.plan)))
    typer.echo(f"\nWrote {', '.join(sorted(opened.documents))} to {folder}")


def overview(plan: Plan) -> list[str]:
    """Return the plan in a few lines: what is trained, on what, how, and what it needs."""
    clip, train, hardware, fit = plan.data.clip, plan.train, plan.hardware, plan.fit
    devices = f"{hardware.devices} x {hardware.gpu}" if hardware.gpu else f"{hardware.devices} CPU process(es)"
    machines = f"{hardware.nodes} machine(s) with {devices}"
    available = f" of {fit.available_bytes / 1e9:.0f} GB" if fit.available_bytes else ""
    lines = {
        "recipe": f"{plan.recipe}, {plan.profile or 'no profile'}: {plan.summary}",
        "task": f"{plan.task} (schema {plan.data.schema_name}, head {plan.conditioning.head})",
        "backbone": f"{plan.backbone.name}, {plan.backbone.parameters / 1e6:,.1f} M parameters, {plan.backbone.objective.name}",
        "clip": f"{clip.frames} frames at {clip.rate_hz:g} Hz, {clip.height_px}x{clip.width_px}, {clip.given_frames} given; {clip.tokens:,} tokens",
        "data": f"{plan.data.name}; {plan.data.decode.reason}",
        "train": f"{train.method}, {train.steps:,} steps of {train.global_batch} clips ({train.micro_batch} at once, {train.accumulate} times), {train.optimizer.name}, {train.precision}",
        "machines": f"{machines}: {fit.chosen or hardware.strategy}",
        "memory": f"{fit.total_bytes / 1e9:.1f} GB{available} on each",
        "work": f"{fit.flops_per_step:.2g} operations a step" + _time(plan),
    }
    return [f"{name:<9} {text}" for name, text in lines.items()] + [f"note      {note}" for note in plan.notes]


def _time(plan: Plan) -> str:
    from cosmos_recipes.cli.screen import duration

    step_s = plan.fit.seconds_per_step
    if step_s is None:
        return ""
    return f", {duration(step_s)}; {duration(step_s * plan.train.steps)} in all, estimated"
