"""`cosmos-recipe explain`: what a code means."""

from __future__ import annotations

from typing import Annotated

import typer

from cosmos_recipes.cli import complete


def explain(
    code: Annotated[str, typer.Argument(help="A code from a message, such as CR130.", autocompletion=complete.codes)],
) -> None:
    """Say what a code means, with a wrong and a right example.

    \b
    Example:
      cosmos-recipe explain CR130
    """
    from cosmos_recipes.diagnostics import explain as explanation

    typer.echo(explanation(code.upper()))
