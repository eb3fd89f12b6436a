"""Numbers of each frame in CSV files: one file for each video of a folder, or one table for all of them.

Legend: R rows.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from cosmos_recipes.data.sources.bounded import beginning
from cosmos_recipes.data.sources.values import fail_annotation, read_text
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.recipe.paths import named_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VIDEO_COLUMNS = ("file_name", "video")
"""What the column of a table of all videos is called that says which video a row is of."""
TIMES = ("time_s", "timestamp")
"""What the times of rows in seconds are called, as LeRobot does."""
COUNTERS = ("frame", "frame_index", "step")
"""Columns that count rows: they are no values, and show where one is missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """Columns (R,) by name, and the seconds of the rows from the first one, if the file says them."""

    values: Mapping[str, NDArray[np.float64]]
    times_s: NDArray[np.float64] | None


class _Row(NamedTuple):
    line: int
    cells: Sequence[str]


def files_beside(pattern: str, recordings: Sequence[str], root: Path) -> dict[str, Path]:
    """Return the file of each recording that has one: `*` is its name without the ending of a video, none is all of them.

    Raises:
        RecipeError: the pattern is no path, or leads out of a repository (CR122, CR123).
    """
    stems = {name: PurePosixPath(name).with_suffix("").as_posix() for name in recordings}
    said = {name: pattern.replace("*", stem) for name, stem in stems.items()}
    files = {name: named_in(root, file, place=Place(file=str(root))) for name, file in said.items()}
    return {name: path for name, path in files.items() if path.is_file()}


def read_beside(pattern: str, recordings: Sequence[str], root: Path) -> dict[str, Numbers]:
    """Return the numbers of each recording that has some.

    Raises:
        RecipeError: no recording has a file (CR556), or one cannot be read (CR554), or a row names no video (CR553).
    """
    files = files_beside(pattern, recordings, root)
    if not files:
        _fail_pattern(pattern, root)
    if "*" in pattern:
        return {name: _numbers(path, *_table(path)) for name, path in files.items()}
    return dict(_of_all(next(iter(files.values())), recordings))


def looks_like_numbers(path: Path) -> bool:
    """Return whether a file begins with a line of names and one in which there are numbers."""
    lines = [line for line in beginning(path).splitlines()[:2] if line.strip()]
    if len(lines) < 2 or any(map(_is_number, lines[0].split(","))):
        return False
    return any(map(_is_number, lines[1].split(",")))


def names_videos(path: Path) -> bool:
    """Return whether a table says in each row which video it is of."""
    first = next(iter(beginning(path).splitlines()), "")
    return any(name.strip() in VIDEO_COLUMNS for name in first.split(","))


def _of_all(path: Path, recordings: Sequence[str]) -> Iterator[tuple[str, Numbers]]:
    names, rows = _table(path)
    column = next((names.index(name) for name in VIDEO_COLUMNS if name in names), None)
    if column is None:
        _refuse(path, 1, "does not say which video each row is of", f"a column `{VIDEO_COLUMNS[0]}`", ", ".join(names))
    known, of_video = _spellings(recordings), dict[str, list[_Row]]()
    for row in rows:
        name = known.get(row.cells[column].strip())
        if name is None:
            _refuse(path, row.line, "names no video", "a video by its place in the folder", row.cells[column])
        of_video.setdefault(name, []).append(row)
    yield from ((name, _numbers(path, names, own, without=column)) for name, own in of_video.items())


def _spellings(recordings: Sequence[str]) -> dict[str, str]:
    """Return the recordings by what a table may call them: place and name, or the name alone where only one has it."""
    names = Counter(PurePosixPath(name).name for name in recordings)
    short = {file: name for name in recordings if names[file := PurePosixPath(name).name] == 1}
    spelled = short | {name: name for name in recordings}
    return {PurePosixPath(said).with_suffix("").as_posix(): name for said, name in spelled.items()} | spelled


def _table(path: Path) -> tuple[list[str], list[_Row]]:
    """Return the names of the columns and all rows, each of as many cells."""
    reader = csv.reader(read_text(path).splitlines(), strict=True, skipinitialspace=True)
    try:
        rows = [_Row(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        _refuse(path, reader.line_num, "is no row of CSV", "cells between commas", str(error))
    if not rows:
        fail_annotation(
            f"{path.name} is empty", Place(file=str(path)), expected="a line of names, then a row for each frame"
        )
    names = [name.strip() for name in rows[0].cells]
    if any(map(_is_number, names)) or not all(names) or len({*names}) < len(names):
        _refuse(path, rows[0].line, "does not name the columns", "a name for each of them", ", ".join(names)[:60])
    for row in rows[1:]:
        if len(row.cells) != len(names):
            _refuse(path, row.line, "is not whole", f"{len(names)} cells", str(len(row.cells)))
    return names, rows[1:]


def _numbers(path: Path, names: Sequence[str], rows: Sequence[_Row], without: int | None = None) -> Numbers:
    """Return the columns that begin with a number; others, such as texts, are left out."""
    import numpy as np

    if not rows:
        fail_annotation(f"{path.name} holds no rows", Place(file=str(path)), expected="a row for each frame")
    first = rows[0].cells
    taken = [at for at, cell in enumerate(first) if at != without and (_is_number(cell) or not cell.strip())]
    columns = {names[at]: np.array([_cell(path, names[at], row, at) for row in rows]) for at in taken}
    times = next((columns[name] for name in TIMES if name in columns), None)
    counters = [columns[name] for name in COUNTERS if name in columns]
    if times is not None:
        _require_rising(path, rows, times)
    elif counters:
        _require_counting(path, rows, counters[0])
    values = {name: column for name, column in columns.items() if name not in (*TIMES, *COUNTERS)}
    return Numbers(values=values, times_s=None if times is None else times - times[0])


def _cell(path: Path, name: str, row: _Row, at: int) -> float:
    try:
        return float(row.cells[at])
    except ValueError:
        _refuse(path, row.line, f"has no number in `{name}`", "a number", row.cells[at].strip()[:60] or "nothing")


def _require_rising(path: Path, rows: Sequence[_Row], times_s: NDArray[np.float64]) -> None:
    for row, (before_s, after_s) in zip(rows[1:], pairwise(times_s), strict=True):
        if not after_s > before_s:
            _refuse(path, row.line, "is not later than the one before", f"more than {before_s:g} s", f"{after_s:g} s")


def _require_counting(path: Path, rows: Sequence[_Row], counts: NDArray[np.float64]) -> None:
    for row, (before, after) in zip(rows[1:], pairwise(counts), strict=True):
        if after != before + 1:
            _refuse(path, row.line, "does not follow the one before", f"frame {before + 1:g}", f"frame {after:g}")


def _refuse(path: Path, line: int, message: str, expected: str, found: str) -> NoReturn:
    place = Place(file=str(path), line=line, column=1)
    fail_annotation(f"line {line} of {path.name} {message}", place, expected=expected, found=found)


def _fail_pattern(pattern: str, root: Path) -> NoReturn:
    fail(
        "CR556",
        f"no video of {root.name} has numbers where `numbers` says",
        place=Place(file=str(root)),
        expected="a file beside each video, or one of this name in the folder",
        found=pattern,
        hint="a `*` is the name of the video without its ending, folders in between included",
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
