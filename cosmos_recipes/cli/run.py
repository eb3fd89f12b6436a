"""`cosmos-recipe run`: from a recipe to a published model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cosmos_recipes.cli import complete

if TYPE_CHECKING:
    from cosmos_recipes.run.opening import Opened
    from cosmos_recipes.run.run import RunResult

Format = Literal["text", "json", "github", "sarif"]


def run(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe (name or path), a plan.yaml, or the folder of a run.", autocompletion=complete.recipes
        ),
    ],
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="A profile of the recipe.", autocompletion=complete.profiles)
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value: key.path=value; may be repeated.")
    ] = None,
    nproc: Annotated[int | None, typer.Option("--nproc", min=1, help="Processes that train; the plan says.")] = None,
    runs: Annotated[Path, typer.Option("--runs", help="The folder of the runs.")] = Path("runs"),
    form: Annotated[Format, typer.Option("--format", help="How problems are written.")] = "text",
) -> None:
    """Prepare the data, train, evaluate, package and publish; what is done and unchanged is skipped.

    Interrupted or killed, the same command goes on where it stopped and ends in the same result.

    \b
    Examples:
      cosmos-recipe run recipes/factory.yaml
      cosmos-recipe run factory --set train.steps=2000 --set seed=1
      cosmos-recipe run factory --set dataset.use=path/to/videos --nproc 2
      cosmos-recipe run runs/factory/base-1a2b3c4d/plan.yaml
    """
    from cosmos_recipes.cli.failures import rendered_as

    with rendered_as(form):
        carry_out(_open(recipe, profile, overrides or []), root=runs, nproc=nproc)


def carry_out(opened: Opened, *, root: Path, nproc: int | None) -> None:
    """Run what was opened, show its progress, and end with where everything is."""
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.run.folder import RunFolder
    from cosmos_recipes.run.run import run as run_plan

    screen = Screen()
    folder = RunFolder.of(opened.plan, root)
    screen.note(f"{opened.plan.recipe}: {opened.plan.summary}\nRun folder: {folder.path}")
    for note in opened.plan.notes:
        screen.note(f"note: {note}")
    try:
        result = run_plan(opened.plan, opened.documents, root=root, nproc=nproc, progress=screen)
    finally:
        screen.close()
        if folder.report.exists():
            screen.note(f"Report: {folder.report}")
    typer.echo("\n".join(summary(result)))


def summary(result: RunResult) -> list[str]:
    """Return the last lines of a run: what came out, and where it is."""
    from cosmos_recipes.evaluation.task_words import task_words

    metrics = result.metrics
    rows = [
        ("", "model", "copy of the last frame"),
        ("PSNR", f"{metrics['psnr_db']:.2f} dB", f"{metrics['psnr_copy_db']:.2f} dB"),
        ("SSIM", f"{metrics['ssim']:.3f}", f"{metrics['ssim_copy']:.3f}"),
    ]
    if metrics["psnr_moving_db"] is not None:
        moving = (f"{metrics['psnr_moving_db']:.2f} dB", f"{metrics['psnr_moving_copy_db']:.2f} dB")
        rows.insert(2, ("PSNR, moving pixels", *moving))
    lines = ["", *(f"  {name:<22}{ours:<14}{copy}".rstrip() for name, ours, copy in rows)]
    if metrics["adherence"] is not None:
        interval = f"95 % interval {metrics['adherence_low']:.2f} to {metrics['adherence_high']:.2f}"
        lines.append(f"  {'Adherence':<22}{metrics['adherence']:.2f} ({interval}; 1 ignores the control)")
    if words := task_words(metrics["task"]):
        lines.append(f"  {'Task':<22}{words}")
    return [*lines, "", f"Model:  {result.published}"]


def _open(recipe: str, profile: str | None, overrides: list[str]) -> Opened:
    from cosmos_recipes.run.opening import is_plan, open_plan, open_recipe

    if not is_plan(recipe):
        return open_recipe(recipe, profile=profile, overrides=overrides)
    if profile or overrides:
        raise typer.BadParameter(
            "a plan leaves nothing open: --profile and --set go with a recipe", param_hint="RECIPE"
        )
    return open_plan(recipe)
