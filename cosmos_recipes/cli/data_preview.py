"""`cosmos-recipe data preview`: clips as a model will see them, as a picture and a page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

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

MOST_PROBLEMS = 5


def preview(
    dataset: DatasetArgument = None,
    recipe: RecipeOption = None,
    clips: Annotated[int, typer.Option("--clips", min=1, max=64, help="How many clips are drawn.")] = 6,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write to; previews/NAME by default.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed draws other clips.")] = 0,
    frames: FramesOption = None,
    rate: RateOption = None,
    size: SizeOption = None,
    runs: RunsOption = Path("runs"),
) -> None:
    """Draw a contact sheet and a page of clips as a model will see them, so that what is wrong can be seen.

    Frames of every view with their times, texts, actions and states below the frames, cameras and points of the world
    that must stay on their things, ways from above and in the views.

    \b
    Examples:
      cosmos-recipe data preview factory
      cosmos-recipe data preview path/to/my-arm.yaml --clips 12 --frames 33 --rate '10 Hz'
      cosmos-recipe data preview --recipe recipes/factory.yaml --output look
    """
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.diagnostics import render
    from cosmos_recipes.run.preview import write_preview

    screen = Screen()
    screen.begin("preview", 1, 1)
    try:
        opened = open_dataset(dataset, recipe, frames=frames, rate=rate, size=size, root=runs, progress=screen)
        folder = output or Path("previews") / opened.dataset.file.name
        written = write_preview(opened, folder, count=clips, seed=seed, progress=screen)
    finally:
        screen.close()
    if written.problems:
        screen.note(render(written.problems[:MOST_PROBLEMS], "text", colour=sys.stderr.isatty()))
        more = len(written.problems) - MOST_PROBLEMS
        screen.note(f"and {more} more recordings that gave no clip" if more > 0 else "The others are shown.")
    told = f"{written.clips} clips" if written.clips > 1 else "1 clip"
    of = f"{len(opened.recordings)} recordings" if len(opened.recordings) > 1 else "1 recording"
    typer.echo(f"{told} of {of}\nSheet: {written.sheet}\nPage:  {written.page}")
