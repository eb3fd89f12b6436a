"""`cosmos-recipe schema`: the JSON schema of recipes, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def schema(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; - for standard output.")] = Path(
        "schemas/recipe.schema.json"
    ),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 2 when the file is stale.")] = False,
) -> None:
    """Write the JSON schema of the recipe language, which every recipe's first line names for editors.

    \b
    Examples:
      cosmos-recipe schema
      cosmos-recipe schema -o - | less
    """
    from cosmos_recipes.diagnostics import fail
    from cosmos_recipes.recipe.schema import schema_text, write_schema

    text = schema_text()
    if str(output) == "-":
        typer.echo(text, nl=False)
    elif not check:
        write_schema(output)
        typer.echo(f"Wrote {output}")
    elif not output.exists() or output.read_text(encoding="utf-8") != text:
        fail("CR197", f"{output} is not what the language says now", hint="run `cosmos-recipe schema` and commit it")
