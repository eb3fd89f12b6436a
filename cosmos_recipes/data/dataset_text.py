"""The text of a data set file: written anew, or with the block of statistics replaced and everything else as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.diagnostics import Place, RecipeError, fail, visible
from cosmos_recipes.files import write_text
from cosmos_recipes.recipe.files import read_text
from cosmos_recipes.recipe.located import Located, parse_located

if TYPE_CHECKING:
    from cosmos_recipes.data.binding.spec import ColumnStatistics

STATISTICS = "statistics"
_PLAIN = re.compile(
    r"(?!(?:true|false|null|yes|no|on|off)$)(?:[A-Za-z]|\.{0,2}/|~/)[\w./+@-]*(?: [\w./+@-]+)*|\d+ Hz|\d+x\d+",
    re.IGNORECASE,
)


def dataset_text(tree: Mapping[str, Any]) -> str:
    """Return YAML of the keys of a data set file: each on a line of its own, and so is each view and column."""
    parts = (
        block(key, value) if isinstance(value, Mapping) else [f"{key}: {flow(value)}"] for key, value in tree.items()
    )
    return "".join(f"{line}\n" for lines in parts for line in lines)


def block(key: str, content: Mapping[str, Any], comments: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines of a key and of each key below it; `comments` stand after some of those."""
    lines = {name: f"  {flow(name)}: {flow(value)}" for name, value in content.items()}
    said = {name: f"  # {comment}" for name, comment in (comments or {}).items()}
    return [f"{key}:", *(line + said.get(name, "") for name, line in lines.items())]


def flow(value: Any) -> str:
    """Return a value in one line of YAML."""
    match value:
        case str():
            return value if _PLAIN.fullmatch(value) else visible(json.dumps(value, ensure_ascii=False))
        case Mapping():
            return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case _:
            return json.dumps(value)


def statistics_text(statistics: Mapping[str, ColumnStatistics]) -> str:
    """Return the block of statistics as it stands in a file."""
    lines = [f"{STATISTICS}:"]
    for name, each in statistics.items():
        lines += (f"  {line}" for line in block(flow(name), each.model_dump(mode="json")))
    return "".join(f"{line}\n" for line in lines)


def write_statistics(path: Path, statistics: Mapping[str, ColumnStatistics]) -> None:
    """Put the block of statistics into a data set file, which is never half written.

    Raises:
        RecipeError: its keys do not stand on lines of their own (CR566), or it cannot be written to (CR565).
    """
    file = path.resolve()
    text = with_statistics(read_text(path), statistics, file=str(path))
    try:
        write_text(file, text, mode=file.stat().st_mode & 0o777)
    except OSError as error:
        hint = "copy the file to `datasets` of a folder of your own"
        fail("CR565", "the file cannot be written to", place=Place(file=str(path)), found=str(error), hint=hint)


def with_statistics(text: str, statistics: Mapping[str, ColumnStatistics], *, file: str) -> str:
    """Return the text of a data set file with this block of statistics, in the place of the one that it has, or last.

    Nothing else changes: comments before the next key belong to that key.

    Raises:
        RecipeError: the file's keys do not stand on lines of their own (CR566).
    """
    located, lines = parse_located(text, file=file), text.splitlines(keepends=True)
    start, end = _lines_of(located, lines)
    before = "".join(lines[:start])
    separated = before if not before or before.endswith("\n") else before + "\n"
    written = separated + statistics_text(statistics) + "".join(lines[end:])
    if not _says(written, {**located.tree, STATISTICS: statistics}):
        fail(
            "CR566",
            "the block of statistics cannot be put into the file",
            place=located.values[()],
            expected="keys that stand on lines of their own, not in braces",
            hint="write the file so, or copy the block into it",
        )
    return written


def _lines_of(located: Located, lines: Sequence[str]) -> tuple[int, int]:
    """Return the first line of the block of statistics and the one after its last; both the end where there is none."""
    place = located.keys.get((STATISTICS,))
    if place is None:
        return len(lines), len(lines)
    start = place.line - 1
    keys = [each.line - 1 for path, each in located.keys.items() if len(path) == 1]
    end = min((line for line in keys if line > start), default=len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return start, end


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    """Return whether a text says what is wanted, and nothing else."""
    try:
        tree = parse_located(text, file="").tree
    except RecipeError:
        return False
    plain = {**wanted, STATISTICS: {name: each.model_dump(mode="json") for name, each in wanted[STATISTICS].items()}}
    return bool(tree == plain)
