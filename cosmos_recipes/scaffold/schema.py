"""A new contract, to be changed column by column."""

from __future__ import annotations

from pathlib import Path

from cosmos_recipes.recipe.editor import schema_line
from cosmos_recipes.scaffold import Scaffold, folders_above, place_of_test, rendered, require_name


def new_schema(name: str, target: Path) -> Scaffold:
    """Return a contract of that name, as it is to be written to `target`, and its test."""
    require_name(name)
    test = place_of_test("schema", name, target.parent)
    values = {"name": name, "schema": target.as_posix()}
    files = {
        target: rendered("schema.yaml", first=schema_line("schema", target), **values),
        test: rendered("test_schema.py", up=folders_above(test), **values),
    }
    return Scaffold(
        files=files,
        then=(
            f"cosmos-recipe data synthesize {name} made-up/{name}",
            f"cosmos-recipe data check made-up/{name}/dataset.yaml",
            f"cosmos-recipe new head NAME --schema {name}",
        ),
    )
