"""`cosmos-recipe data export-croissant`: a data set for readers that know nothing of us."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cosmos_recipes.cli import complete
from cosmos_recipes.cli.data_options import RunsOption


def export_croissant(
    dataset: Annotated[
        str, typer.Argument(help="A data set: a name, a file, or a folder of videos.", autocompletion=complete.datasets)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write; - for standard output; NAME.croissant.json."),
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Web page of the data set.")] = None,
    creator: Annotated[str | None, typer.Option("--creator", help="Who made it.")] = None,
    published: Annotated[
        datetime | None, typer.Option("--published", formats=["%Y-%m-%d"], help="Day of its publication.")
    ] = None,
    runs: RunsOption = Path("runs"),
) -> None:
    """Write a data set's description in the Croissant format: files, recordings, splits, and what each number means.

    Files are named relative to the place of the description; few of them are listed with their hashes.

    \b
    Examples:
      cosmos-recipe data export-croissant datasets/my-arm.yaml
      cosmos-recipe data export-croissant room -o room.json --creator "Our lab" --published 2026-01-31
    """
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.data.croissant import SUFFIX, Published
    from cosmos_recipes.data.dataset import load_dataset
    from cosmos_recipes.files import write_text
    from cosmos_recipes.run.croissant import describe_as_croissant
    from cosmos_recipes.run.dataset import OpenDataset

    day = published.date().isoformat() if published else None
    about = Published(url=url, creator=creator, date=day)
    bound = load_dataset(dataset, relative_to=Path())
    file = output or Path(f"{bound.file.name}{SUFFIX}")
    folder = Path() if str(file) == "-" else file.parent
    screen = Screen()
    try:
        opened = OpenDataset.of(bound, root=runs, progress=screen, frames=2)
        document = describe_as_croissant(opened, folder=folder, published=about, progress=screen)
    finally:
        screen.close()
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if str(file) == "-":
        typer.echo(text, nl=False)
    else:
        write_text(file, text)
        typer.echo(f"Wrote {file}")
    missing = [*about.missing, *([] if "license" in document else ["license"])]
    if missing:
        typer.echo(f"note: Croissant also asks for {', '.join(missing)}", err=True)
