"""What all commands that look at data ask for: a data set, or a recipe with one, and a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosmos_recipes.cli import complete

if TYPE_CHECKING:
    from cosmos_recipes.data.dataset import BoundDataset
    from cosmos_recipes.data.index import ClipSpec
    from cosmos_recipes.run.dataset import OpenDataset
    from cosmos_recipes.run.progress import Progress

DatasetArgument = Annotated[
    str | None,
    typer.Argument(
        help="A data set: a name, a file, a folder of videos or one video.",
        metavar="DATASET",
        autocompletion=complete.datasets,
    ),
]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe", help="Take the data set and the window of this recipe instead.", autocompletion=complete.recipes
    ),
]
FramesOption = Annotated[int | None, typer.Option("--frames", min=2, help="Frames of a clip.")]
RateOption = Annotated[
    str | None, typer.Option("--rate", help='Frames per second of a clip, such as "5 Hz"; by default the data\'s own.')
]
SizeOption = Annotated[
    str | None, typer.Option("--size", help="Picture size of a clip, HEIGHTxWIDTH; by default the data's own.")
]
RunsOption = Annotated[
    Path, typer.Option("--runs", "--root", help="The folder of the runs, where sources write what they make.")
]


def open_dataset(
    dataset: str | None,
    recipe: str | None,
    *,
    frames: int | None,
    rate: str | None,
    size: str | None,
    root: Path,
    progress: Progress,
    if_none_opens: ClipSpec | None = None,
) -> OpenDataset:
    """Return the data set that is named, or that of a recipe, with its recordings and the window to look through.

    Raises:
        RecipeError: there is no such data set or recipe, it is wrong, or it has no recording that can be opened and
            `if_none_opens` gives no window for that.
    """
    from cosmos_recipes.cli.quantities import rate_hz, size_px
    from cosmos_recipes.run.dataset import OpenDataset

    bound, window = chosen_dataset(dataset, recipe)
    said = {"frames": frames, "rate_hz": rate and rate_hz(rate), "size": size and size_px(size)}
    return OpenDataset.of(
        bound,
        root=root,
        progress=progress,
        if_none_opens=if_none_opens,
        **{**window, **{name: value for name, value in said.items() if value is not None}},
    )


def chosen_dataset(dataset: str | None, recipe: str | None) -> tuple[BoundDataset, dict[str, Any]]:
    """Return the data set that is named, or that of a recipe with its window; nothing of it is read.

    Raises:
        RecipeError: there is no such data set or recipe, or it is wrong.
    """
    if (dataset is None) == (recipe is None):
        raise typer.BadParameter("name a data set, or a recipe with --recipe", param_hint="DATASET")
    return _named(dataset) if dataset is not None else _of_recipe(str(recipe))


def _named(dataset: str) -> tuple[BoundDataset, dict[str, Any]]:
    from cosmos_recipes.data.dataset import load_dataset

    if not dataset:
        raise typer.BadParameter("the name is empty; write . for the working directory", param_hint="DATASET")

    return load_dataset(dataset, relative_to=Path()), {}


def _of_recipe(name: str) -> tuple[BoundDataset, dict[str, Any]]:
    """Return a recipe's data set and its window."""
    from cosmos_recipes.data.dataset import load_dataset
    from cosmos_recipes.recipe.load import load_recipe

    loaded = load_recipe(name)
    said, key = loaded.recipe.dataset, "dataset.use"
    bound = load_dataset(said.use, relative_to=loaded.folders_of(key), place=loaded.place_of(key))
    clip = said.clip
    return bound, {"frames": clip.frames, "rate_hz": clip.rate, "size": clip.size, "stride": clip.stride}
