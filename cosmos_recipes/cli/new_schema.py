"""`cosmos-recipe new schema`: a contract of one's own, and its test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmos_recipes.cli.screen import told


def schema(name: Annotated[str, typer.Argument(help="What the contract is called.", metavar="NAME")]) -> None:
    """Write schemas/NAME.yaml, a contract with comments that explain it, and a test that makes up data for it.

    \b
    Examples:
      cosmos-recipe new schema gaze
    """
    from cosmos_recipes.scaffold.schema import new_schema

    told(new_schema(name, Path("schemas") / f"{name}.yaml"))
