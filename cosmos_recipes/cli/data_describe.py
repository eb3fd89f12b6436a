"""`cosmos-recipe data describe`: what is in a data set, in figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
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
    chosen_dataset,
    open_dataset,
)

if TYPE_CHECKING:
    from cosmos_recipes.data.dataset import BoundDataset
    from cosmos_recipes.data.describe import Description
    from cosmos_recipes.run.dataset import OpenDataset

Format = Literal["text", "json"]
MOST_SHOWN = 5
_FIGURES = ("mean", "std", "min", "q01", "q99", "max")


def describe(
    dataset: DatasetArgument = None,
    recipe: RecipeOption = None,
    frames: FramesOption = None,
    rate: RateOption = None,
    size: SizeOption = None,
    runs: RunsOption = Path("runs"),
    write: Annotated[bool, typer.Option("--write", help="Put the statistics into the data set's file.")] = False,
    form: Annotated[Format, typer.Option("--format", help="How the figures are written.")] = "text",
) -> None:
    """Say what is in a data set: recordings, views, texts, and each number of each column in canonical units.

    The numbers are those of the clips of the training split, whose rate decides how large actions are. A data set
    file can hold them, so that every training from it normalises alike.

    \b
    Examples:
      cosmos-recipe data describe factory-actions
      cosmos-recipe data describe datasets/my-arm.yaml --rate "5 Hz" --write
    """
    from cosmos_recipes.cli.failures import rendered_as
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.data.dataset_text import statistics_text, write_statistics
    from cosmos_recipes.run.describe import describe_dataset

    screen = Screen()
    with rendered_as(form):
        try:
            file = _own_file(chosen_dataset(dataset, recipe)[0]) if write else None
            opened = open_dataset(dataset, recipe, frames=frames, rate=rate, size=size, root=runs, progress=screen)
            found = describe_dataset(opened, screen)
        finally:
            screen.close()
        typer.echo(_json(opened, found) if form == "json" else "\n".join(_lines(opened, found)))
        if file and found.statistics:
            write_statistics(file, found.statistics)
            typer.echo(f"\nWrote the statistics into {file}", err=form == "json")
        elif file:
            typer.echo(f"\nNothing is written into {file}: it binds no column of plain numbers.", err=form == "json")
        elif form == "text" and found.statistics:
            typer.echo(f"\n{statistics_text(found.statistics)}", nl=False)


def _own_file(bound: BoundDataset) -> Path:
    """Return the file that statistics are written into.

    Raises:
        RecipeError: there is none that is the user's own (CR565).
    """
    from cosmos_recipes.diagnostics import Place, fail
    from cosmos_recipes.recipe.library import packaged

    own, name = bound.path, bound.file.name
    is_shipped = (
        own is not None and own.resolve().parent == packaged("datasets").resolve() != Path("datasets").resolve()
    )
    if own is None or is_shipped:
        fail(
            "CR565",
            f"the data set `{name}` has no file of your own that statistics could be written into",
            place=Place(file=str(own)) if own else None,
            expected="a data set file",
            hint=f"copy it first: cosmos-recipe show {name} > datasets/{name}.yaml"
            if own
            else "write one first: cosmos-recipe new dataset PATH",
        )
    return own


def _json(opened: OpenDataset, found: Description) -> str:
    from dataclasses import asdict

    from cosmos_recipes.data.describe import as_tree

    head = {"dataset": opened.dataset.file.name, "schema": opened.dataset.schema.name, "clip": asdict(opened.clip)}
    return json.dumps({**head, **as_tree(found)}, indent=2, ensure_ascii=False)


def _lines(opened: OpenDataset, found: Description) -> Iterator[str]:
    clip = opened.clip
    yield f"{opened.dataset.file.name}: {opened.dataset.schema.name}"
    window = f"of {clip.frames} frames at {clip.rate_hz:g} Hz, {clip.height_px}x{clip.width_px}"
    facts = [
        ["recordings", _each(found.recordings), f"{found.hours:.3g} hours"],
        ["clips", _each(found.clips), window],
        *(
            ["view", view.name, "  ".join(_each(each) for each in (view.sizes, view.codecs, view.rates))]
            for view in found.views
        ),
        *(
            [
                "text",
                text.column,
                f"{text.recordings} recordings, {text.distinct} different, {text.shortest} to {text.longest} characters"
                if text.recordings
                else "none",
            ]
            for text in found.texts
        ),
    ]
    yield from _table(facts)
    if found.left_out:
        yield f"\n{len(found.left_out)} recordings are left out:"
        yield from (f"  {each.code} {each.message}; {each.found}" for each in found.left_out[:MOST_SHOWN])
    if found.numbers:
        head = ["column", "number", "unit", "count", *_FIGURES]
        rows = [
            [row.column, row.name, row.unit, str(row.count), *(f"{getattr(row, figure):.4g}" for figure in _FIGURES)]
            for row in found.numbers
        ]
        yield ""
        yield from _table([head, *rows], right_from=3)


def _each(counted: dict[str, int]) -> str:
    """Return what was counted; the count is left out where all are alike."""
    if len(counted) == 1:
        return next(iter(counted))
    return ", ".join(f"{count} {name}" for name, count in counted.items())


def _table(rows: Sequence[Sequence[str]], right_from: int | None = None) -> Iterator[str]:
    """Yield lines of aligned columns; numbers stand to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if right_from is not None and position >= right_from else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()
