"""A JSON file that a stranger may have written: read whole, or refused, before anything is made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Any, NoReturn

from pydantic import ValidationError

from cosmos_recipes.diagnostics import Place, fail, visible

LARGEST_BYTES = 10_000_000
DEEPEST_NESTING = 20
_LARGEST_INTEGER = 2**63
_LONGEST_SAID = 200


def read_json_object(path: Path, *, largest_bytes: int = LARGEST_BYTES) -> dict[str, Any]:
    """Return the object that a JSON file holds: plain, finite, not deep, no key twice.

    Raises:
        RecipeError: the file is not there, too large, or of another form (CR161).
    """
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            refuse(path, "a folder, a device or a pipe")
        if status.st_size > largest_bytes:
            refuse(path, f"{status.st_size / 1e6:,.1f} MB", expected=f"at most {largest_bytes / 1e6:,.0f} MB of JSON")
        return parse_json_object(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        refuse(path, getattr(error, "strerror", None) or str(error))


def parse_json_object(text: str) -> dict[str, Any]:
    """Return the object that a text holds, as `read_json_object` does.

    Raises:
        ValueError, RecursionError: it is of another form.
    """
    found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    if not isinstance(found, dict):
        raise ValueError("no object with keys")
    _require_plain(found)
    return found


def refuse(path: Path, found: str, *, expected: str = "") -> NoReturn:
    """Raise that a file of a model says what it cannot mean (CR161)."""
    fail(
        "CR161",
        f"{path.name} is not what a model has",
        place=Place(file=visible(str(path))),
        expected=expected or "one JSON object, as `cosmos-recipe run` or diffusers writes it",
        found=visible(found)[:_LONGEST_SAID],
        hint="get the model again, or another one: nothing was made of this file",
    )


def refuse_together(path: Path, found: str, *, expected: str) -> NoReturn:
    """Raise that files of a model, each of which could be of one, do not go together (CR164)."""
    fail(
        "CR164",
        "the files of the model do not make one",
        place=Place(file=visible(str(path))),
        expected=expected,
        found=visible(found)[:_LONGEST_SAID],
        hint="get the model again, or another one",
    )


def first_mistake(error: Exception) -> str:
    """Return in a line what a check of such an object finds first."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key twice")
    return made


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text}, which is no number of JSON")


def _require_plain(tree: Mapping[str, Any]) -> None:
    """Raise ValueError where a tree is deep, or holds numbers that no file of ours has."""
    level: list[Any] = [tree]
    for _ in range(DEEPEST_NESTING):
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                below += node.values()
            elif isinstance(node, list):
                below += node
            elif isinstance(node, int | float) and not (math.isfinite(node) and abs(node) < _LARGEST_INTEGER):
                raise ValueError("a number that does not fit into 64 bits")
        if not below:
            return
        level = below
    raise ValueError(f"more than {DEEPEST_NESTING} levels")
