"""Which licence a folder says that it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cosmos_recipes.data.licences import known_as
from cosmos_recipes.data.sources.bounded import read_bounded
from cosmos_recipes.data.sources.cards import front_matter
from cosmos_recipes.diagnostics import RecipeError

_INFO = ("dataset_info.json", "meta/info.json", "info.json")
_FILES = ("LICENSE", "LICENCE")
_KEYS = ("license", "licence")
_TITLES = {
    "mit license": "mit",
    "apache license": "apache-2.0",
    "bsd 3-clause license": "bsd-3-clause",
    "bsd 2-clause license": "bsd-2-clause",
    "attribution 4.0 international": "cc-by-4.0",
    "attribution-noncommercial 4.0 international": "cc-by-nc-4.0",
    "attribution-sharealike 4.0 international": "cc-by-sa-4.0",
    "attribution-noncommercial-sharealike 4.0 international": "cc-by-nc-sa-4.0",
    "cc0 1.0 universal": "cc0-1.0",
}
_LINES = 3


def licence_of(folder: Path) -> tuple[str, str]:
    """Return the licence as an SPDX identifier in lower case, and the file that says it; `unknown` and "" if none does.

    The front matter of README.md goes before a file of information, and that before the title of the licence's text.
    """
    said = _said(front_matter(folder))
    if said:
        return said, "README.md"
    for name in _INFO:
        said = _said(_read_json(folder / name))
        if said:
            return said, name
    for path in (folder / f"{name}{suffix}" for name in _FILES for suffix in ("", ".txt", ".md")):
        said = _titled(path)
        if said:
            return said, path.name
    return "unknown", ""


def _said(told: Mapping[str, Any]) -> str | None:
    """Return the licence that is named; a name of the data set's own stands beside `other` in cards of the Hub."""
    said = next((told[key] for key in _KEYS if told.get(key)), None)
    if said == "other":
        said = told.get("license_name", said)
    named = [name.strip() for name in (said if isinstance(said, list) else [said]) if isinstance(name, str)]
    return ", ".join(known_as(name) or name.lower() for name in named) or None


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(read_bounded(path))
    except (OSError, ValueError, RecursionError, RecipeError):
        return {}
    return told if isinstance(told, Mapping) else {}


def _titled(path: Path) -> str | None:
    """Return the licence whose title is among the first lines of its text."""
    try:
        text = read_bounded(path)
    except (OSError, UnicodeDecodeError, RecipeError):
        return None
    lines = [line.strip().lstrip("# ").lower() for line in text.splitlines() if line.strip()]
    return next((_TITLES[line] for line in lines[:_LINES] if line in _TITLES), None)
