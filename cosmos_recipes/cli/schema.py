"""`cosmos-recipe schema`: the JSON schemas of our files, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

What = Literal["recipe", "dataset", "schema", "clusters"]


def schema(
    what: Annotated[What | None, typer.Argument(help="Of which files; of all by default.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write one to; - for standard output.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 2 when a file is stale.")] = False,
) -> None:
    """Write the JSON schemas of recipes, data set files, contracts and clusters.yaml, which their first lines name.

    They go into `schemas/`. With --output it is one of them, that of recipes unless another is named.

    \b
    Examples:
      cosmos-recipe schema
      cosmos-recipe schema dataset -o - | less
    """
    from cosmos_recipes.diagnostics import fail
    from cosmos_recipes.files import write_text

    texts = _texts()
    chosen = what or ("recipe" if output else None)
    kept = {chosen: texts[chosen]} if chosen else texts
    for kind, text in kept.items():
        path = output or Path("schemas") / f"{kind}.schema.json"
        is_fresh = path.exists() and path.read_text(encoding="utf-8") == text
        if str(output) == "-":
            typer.echo(text, nl=False)
        elif not check:
            write_text(path, text)
            typer.echo(f"Wrote {path}")
        elif not is_fresh:
            fail("CR197", f"{path} is not what the language says now", hint="run `cosmos-recipe schema` and commit it")


def _texts() -> dict[What, str]:
    from cosmos_recipes.compiler.choices import choices
    from cosmos_recipes.data.json_schemas import CONTRACT_FILE_NAME, DATASET_FILE_NAME, json_schema_texts
    from cosmos_recipes.launch.json_schema import clusters_schema_text
    from cosmos_recipes.recipe.schema import schema_text

    data = json_schema_texts()
    return {
        "recipe": schema_text(choices()),
        "dataset": data[DATASET_FILE_NAME],
        "schema": data[CONTRACT_FILE_NAME],
        "clusters": clusters_schema_text(),
    }
