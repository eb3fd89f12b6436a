"""The first line of a YAML file, which tells an editor the JSON schema of what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cosmos_recipes.recipe.library import packaged, seen_from

What = Literal["recipe", "dataset", "schema"]
MARK = "# yaml-language-server: $schema="


def schema_line(what: What, target: Path) -> str:
    """Return the line for a file at `target`: the working directory's own JSON schema if there is one, else the packaged."""
    name = f"{what}.schema.json"
    own = Path("schemas") / name
    file = own if own.is_file() else packaged("schemas") / name
    return MARK + seen_from(file.resolve(), target.parent)
