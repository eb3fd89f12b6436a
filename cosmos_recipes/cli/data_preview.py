"""`cosmos-recipe data preview`: clips as a model will see them, as a picture and a page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.run.dataset import OpenDataset

MOST_PROBLEMS = 5


def preview(
    dataset: Annotated[
        str | None, typer.Argument(help="A data set: name, file, folder of videos, or one video.", metavar="DATASET")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="Take data set and window from a recipe instead.")
    ] = None,
    clips: Annotated[int, typer.Option("--clips", min=1, max=64, help="How many clips are drawn.")] = 6,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write to; previews/NAME by default.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed draws other clips.")] = 0,
    frames: Annotated[int | None, typer.Option("--frames", min=2, help="Frames of a clip; 13 by default.")] = None,
    rate: Annotated[
        str | None, typer.Option("--rate", help="Frames in a second, such as '5 Hz'; the recordings' own by default.")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", help="Picture size, HEIGHTxWIDTH; the recordings' own, or smaller.")
    ] = None,
    root: Annotated[
        Path, typer.Option("--root", help="The folder of the runs, which keeps what a source makes.")
    ] = Path("runs"),
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
        opened = _open(dataset, recipe, root, screen, frames=frames, rate=rate, size=size)
        folder = output or Path("previews") / opened.dataset.file.name
        written = write_preview(opened, folder, count=clips, seed=seed, progress=screen)
    finally:
        screen.close()
    if written.problems:
        screen.note(render(written.problems[:MOST_PROBLEMS], "text", colour=sys.stderr.isatty()))
        more = len(written.problems) - MOST_PROBLEMS
        screen.note(f"and {more} more recordings that gave no clip" if more > 0 else "The others are shown.")
    told = f"{written.clips} clips" if written.clips > 1 else "1 clip"
    typer.echo(f"{told} of {len(opened.recordings)} recordings\nSheet: {written.sheet}\nPage:  {written.page}")


def _open(
    dataset: str | None,
    recipe: str | None,
    root: Path,
    screen: Screen,
    *,
    frames: int | None,
    rate: str | None,
    size: str | None,
) -> OpenDataset:
    """Open what is named; a window that is said goes before that of the recipe."""
    from cosmos_recipes.data.dataset import load_dataset
    from cosmos_recipes.recipe.load import load_recipe
    from cosmos_recipes.run.dataset import OpenDataset

    if (dataset is None) == (recipe is None):
        raise typer.BadParameter("name a data set, or a recipe with --recipe", param_hint="DATASET")
    rate_hz, size_px = _rate(rate), _size(size)
    if recipe is not None:
        loaded = load_recipe(recipe)
        said, key = loaded.recipe.dataset, "dataset.use"
        bound = load_dataset(said.use, relative_to=loaded.folder_of(key), place=loaded.place_of(key))
        frames, rate_hz, size_px = frames or said.clip.frames, rate_hz or said.clip.rate, size_px or said.clip.size
    else:
        bound = load_dataset(str(dataset), relative_to=Path())
    return OpenDataset.of(bound, root=root, progress=screen, frames=frames, rate_hz=rate_hz, size=size_px)


def _rate(said: str | None) -> float | None:
    from cosmos_recipes.recipe.quantities import QuantityError, parse_quantity

    try:
        return None if said is None else parse_quantity(said, "rate")
    except QuantityError as error:
        raise typer.BadParameter(f"`{said}` {error}", param_hint="--rate") from error


def _size(said: str | None) -> tuple[int, int] | None:
    from cosmos_recipes.recipe.quantities import QuantityError, parse_size

    try:
        return None if said is None else parse_size(said)
    except QuantityError as error:
        raise typer.BadParameter(f"`{said}` {error}", param_hint="--size") from error
