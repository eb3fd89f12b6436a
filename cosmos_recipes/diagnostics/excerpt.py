"""The line that a problem is on, with a caret under the whole key or value."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from unicodedata import combining, east_asian_width

from cosmos_recipes.diagnostics.problem import Place
from cosmos_recipes.diagnostics.words import visible

_WIDEST = 100
_LEFT_OF_CARET = 40
_LONGEST_LINE = 1_000_000


def excerpt(place: Place) -> list[str]:
    """Return the line and a caret (if the place has a column); nothing if it has no line that can be shown."""
    line = _line(place)
    if line is None:
        return []
    cells = [visible(character) for character in line]
    start, end = _window(cells, place.column - 1)
    before = "..." if start else ""
    caret_at = max(start, min(place.column - 1, end))
    caret = "^" * max(1, _width(cells[caret_at : min(end, place.column - 1 + place.length)]))
    shown = before + "".join(cells[start:end]) + ("..." if end < len(cells) else "")
    indent = " " * (len(before) + _width(cells[start:caret_at]))
    return [f"{place.line:>5} | {shown}".rstrip(), *([f"      | {indent}{caret}"] if place.column else [])]


def _line(place: Place) -> str | None:
    if not place.line:
        return None
    try:
        with Path(place.file).open(encoding="utf-8-sig", errors="replace") as file:
            lines = iter(lambda: file.readline(_LONGEST_LINE), "")
            line = next(islice(lines, place.line - 1, place.line), None)
    except (OSError, ValueError):
        return None
    return None if line is None else line.rstrip("\n")


def _window(cells: list[str], caret: int) -> tuple[int, int]:
    """Return the part of a line to show, in characters: all of it if it is short, else what is around the caret."""
    if _width(cells) <= _WIDEST:
        return 0, len(cells)
    start = max(0, min(caret - _LEFT_OF_CARET, len(cells) - 1))
    end, width = start, 0
    while end < len(cells) and width < _WIDEST:
        width += _width(cells[end : end + 1])
        end += 1
    return start, end


def _width(cells: list[str]) -> int:
    """Return how many columns of a terminal the characters fill."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for cell in cells for c in cell)
