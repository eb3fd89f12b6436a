"""The values of a TOML file with the lines on which they stand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.migrate.ledger import Leaf
from cosmos_recipes.recipe.files import read_text

_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_LONGEST_STATEMENT = 200
"""Lines; what is longer has no line of its own in the list."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return what the file says.

    Raises:
        RecipeError: it cannot be read (CR100 to CR104), or is no TOML (CR781).
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        complaint = str(error).lower()
        at = _PLACE.search(complaint)
        fail(
            "CR781",
            f"{path.name} cannot be read as TOML",
            place=Place(file=str(path), line=int(at[1]), column=int(at[2])) if at else Place(file=str(path)),
            expected="a file that `cosmos_framework.scripts.train --sft-toml` takes",
            found=_PLACE.sub("", complaint).strip(),
            hint="correct it at that place",
        )


def toml_leaves(path: Path) -> list[Leaf]:
    """Return every value; tables are followed, lists are values."""
    lines = _lines_of(read_text(path))
    return [Leaf(key, value, lines.get(key, 0)) for key, value in _walk(read_toml(path), ())]


def _walk(tree: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _walk(value, (*above, key))
        else:
            yield (*above, key), value


def _lines_of(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each key: a statement begins after the last that was whole, and each can be read by itself."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    begun: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not begun and not line.split("#")[0].strip():
            continue
        begun.append(line)
        said = _statement("\n".join(begun)) if len(begun) <= _LONGEST_STATEMENT else None
        if said is None:
            continue
        if begun[0].lstrip().startswith("["):
            table = _header(said)
        else:
            found |= {(*table, *key): number - len(begun) + 1 for key, _ in _walk(said, ())}
        begun = []
    return found


def _statement(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _header(said: Any) -> tuple[str, ...]:
    """Return the path of the table that `[a.b]` or `[[a.b]]` begins."""
    path: list[str] = []
    while said:
        said = said[0] if isinstance(said, list) else said
        if not said:
            break
        ((key, said),) = said.items()
        path.append(key)
    return tuple(path)
