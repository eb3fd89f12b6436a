"""What a folder says of itself: the front matter of its README.md, as data sets on the Hub have it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cosmos_recipes.data.sources.bounded import read_bounded
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.located import parse_located

_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)


def front_matter(folder: Path) -> Mapping[str, Any]:
    """Return what stands above the text of a folder's README.md; nothing where there is none or it is no YAML."""
    file = folder / "README.md"
    try:
        found = _FRONT_MATTER.match(read_bounded(file))
        told: Mapping[str, Any] = parse_located(found[1], file=str(file)).tree if found else {}
    except (OSError, UnicodeDecodeError, RecipeError):
        return {}
    return told
