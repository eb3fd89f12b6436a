"""Reading what stands beside a video: text, JSON and rows of numbers, each mistake with its file and line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cosmos_recipes.data.recording import Value
from cosmos_recipes.data.sources.bounded import read_bounded
from cosmos_recipes.diagnostics import Place, fail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_DEEPEST = 20


def fail_annotation(message: str, place: Place, *, expected: str, found: str = "") -> NoReturn:
    """Raise what is wrong with an annotation (CR554)."""
    fail("CR554", message, place=place, expected=expected, found=found, hint="correct it, or remove the recording")


def read_text(path: Path) -> str:
    """Return the text of a file; raises RecipeError (CR554)."""
    try:
        return read_bounded(path)
    except OSError as error:
        fail_annotation(
            f"{path.name} cannot be read", Place(file=str(path)), expected="a text file", found=str(error.strerror)
        )
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = f"the byte 0x{error.object[error.start]:02X}"
        place = Place(file=str(path), line=line, column=1)
        fail_annotation(f"{path.name} is not UTF-8 text", place, expected="text in UTF-8", found=byte)


def parse_json(text: str | bytes, place: Place, name: str) -> Any:
    """Return what a JSON text holds; raises RecipeError (CR554)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        fail_annotation(f"{name} is not JSON", place, expected="JSON", found=str(error))


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file; raises RecipeError (CR554)."""
    place = Place(file=str(path))
    found = parse_json(read_text(path), place, path.name)
    if not isinstance(found, dict):
        fail_annotation(f"{path.name} holds no JSON object", place, expected="{...}", found=type(found).__name__)
    return found


def values_of(found: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Value]:
    """Return the keys of a JSON object as values: texts, numbers, and arrays of either.

    The keys of an object in it follow its own after a dot. What is none of these (null, lists of unequal length or of
    objects) is left out, and so is what is nested more deeply than anything that is meant as a value.
    """
    values: dict[str, Value] = {}
    for key, value in found.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            values |= values_of(value, f"{name}.", depth + 1) if depth < _DEEPEST else {}
        elif isinstance(value, list):
            array = _array(value)
            values |= {} if array is None else {name: array}
        elif value is not None:
            values[name] = value
    return values


def rows_of_numbers(path: Path, lines: Iterable[tuple[int, str]], counts: Iterable[int]) -> NDArray[np.float64]:
    """Return `rows_TN` of lines of numbers; `lines` come with their number from 1, N is one of `counts`.

    Raises:
        RecipeError: a line holds something else, or another count than the first (CR554).
    """
    import numpy as np

    rows: list[list[float]] = []
    allowed = tuple(counts)
    for number, line in lines:
        row = _numbers(line)
        if row is None or len(row) not in allowed:
            fail_annotation(
                f"line {number} of {path.name} is no row of this file",
                Place(file=str(path), line=number, column=1),
                expected=f"{' or '.join(map(str, allowed))} numbers",
                found=line.strip()[:60] if row is None else f"{len(row)} numbers",
            )
        rows.append(row)
        allowed = (len(row),)
    if not rows:
        fail_annotation(f"{path.name} holds no rows", Place(file=str(path)), expected="a row for each frame")
    return np.array(rows, np.float64)


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines of a text that hold something, with their numbers from 1."""
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _numbers(line: str) -> list[float] | None:
    try:
        return [float(word) for word in line.replace(",", " ").split()]
    except ValueError:
        return None


def _array(value: list[Any]) -> NDArray[Any] | None:
    import numpy as np

    try:
        array = np.array(value)
    except (ValueError, OverflowError):
        return None
    texts = array.dtype.kind == "U" and all(isinstance(item, str) for item in array.ravel().tolist())
    mixed = array.dtype.kind == "U" and not all(isinstance(item, str) for item in value)
    return array if array.dtype.kind in "biuf" or (texts and not mixed) else None
