"""`cosmos-recipe new head`: a conditioning head of one's own, in a package that can be installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmos_recipes.cli import complete
from cosmos_recipes.cli.screen import told


def head(
    name: Annotated[str, typer.Argument(help="What the head is called in recipes.", metavar="NAME")],
    schema: Annotated[
        str, typer.Option("--schema", help="The contract of its data.", autocompletion=complete.schemas)
    ] = "action-frame",
    column: Annotated[
        str | None,
        typer.Option(
            "--column", help="The column that it reads; by default the first with numbers for each frame or step."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder of the package; NAME-head by default.")
    ] = None,
) -> None:
    """Write a package with a head that works in both families: its description, its network, and the tests of every head.

    Once it is installed, recipes can name it; nothing else has to be changed.

    \b
    Examples:
      cosmos-recipe new head push
      cosmos-recipe new head gaze --schema gaze --column signal
    """
    from cosmos_recipes.scaffold.head import new_head

    told(new_head(name, out or Path(f"{name}-head"), schema=schema, column=column))
