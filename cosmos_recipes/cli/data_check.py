"""`cosmos-recipe data check`: what is wrong with a data set, named by recording and row."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cosmos_recipes.cli.data_options import (
    DatasetArgument,
    FramesOption,
    RateOption,
    RecipeOption,
    RunsOption,
    SizeOption,
    open_dataset,
)

if TYPE_CHECKING:
    from cosmos_recipes.data.checks import CheckReport

Format = Literal["text", "json", "html", "markdown"]


def check(
    dataset: DatasetArgument = None,
    recipe: RecipeOption = None,
    fail_on: Annotated[
        Literal["warn", "error"], typer.Option("--fail-on", help="Exit with 3 at warnings, or only at errors.")
    ] = "error",
    decode: Annotated[
        Literal["none", "sample", "all"],
        typer.Option("--decode", help="Frames that are decoded: none, some of each recording, or all."),
    ] = "sample",
    form: Annotated[Format, typer.Option("--format", help="How the report is written.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the report into this file.")] = None,
    frames: FramesOption = None,
    rate: RateOption = None,
    size: SizeOption = None,
    runs: RunsOption = Path("runs"),
) -> None:
    """Check every recording and row of a data set, and say what a run would keep of it. Nothing is changed.

    Exits with 3 when there is an error, or with `--fail-on warn` a warning. An error is what stops a run, or has it
    train on something else than is said; a warning is what is probably a mistake.

    \b
    Examples:
      cosmos-recipe data check ./videos
      cosmos-recipe data check my-arm.yaml --fail-on warn
      cosmos-recipe data check my-arm.yaml --decode all --format html -o check.html
      cosmos-recipe data check --recipe recipes/factory.yaml
    """
    from cosmos_recipes.cli.failures import rendered_as
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.data.checks import check_recordings
    from cosmos_recipes.data.index import ClipSpec

    screen = Screen()
    # A report can also be written of data of which nothing can be opened.
    window = ClipSpec(frames=frames or 13, rate_hz=5.0, height_px=256, width_px=256, stride=frames or 13)
    with rendered_as("json" if form == "json" else "text"):
        try:
            opened = open_dataset(
                dataset,
                recipe,
                frames=frames,
                rate=rate,
                size=size,
                root=runs,
                progress=screen,
                if_none_opens=window,
            )
            screen.begin("check", 1, 1)
            report = check_recordings(opened.dataset, opened.recordings, opened.clip, decode=decode, progress=screen)
        finally:
            screen.close()
    _write(report, form, output)
    if report.fails(("error", "warning") if fail_on == "warn" else ("error",)):
        raise typer.Exit(3)


def _write(report: CheckReport, form: Format, output: Path | None) -> None:
    from cosmos_recipes.data.checks.render import render_report, verdict

    text = render_report(report, form, colour=form == "text" and output is None and sys.stdout.isatty())
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
        typer.echo(f"{verdict(report)} The report is in {output}.")
