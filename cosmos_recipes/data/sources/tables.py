"""Which columns of a table are videos, names, times and splits, seen in its first rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.data.sources.base import VIDEO_SUFFIXES
from cosmos_recipes.data.sources.rows import is_embedded, is_video, split_of, video_cells

if TYPE_CHECKING:
    import pyarrow as pa

_IDS = ("id", "uuid", "uid", "name", "clip_id", "episode_id", "recording_id", "video_id", "key")
_TIMES = ("times_s", "time_s", "timestamps", "timestamp", "times", "seconds")
_SPLIT = "split"
_CONTAINERS = ((4, b"ftyp"), (0, b"\x1a\x45\xdf\xa3"), (8, b"AVI "))
"""What a video begins with, and at which byte."""


def video_columns(table: pa.Table) -> tuple[str, ...]:
    """Return the columns whose every row is a video: paths that end as one, or bytes that begin as one."""
    return tuple(name for name in table.column_names if _is_video_column(table[name].combine_chunks()))


def video_root(table: pa.Table, videos: Sequence[str], roots: Sequence[Path]) -> Path | None:
    """Return the first folder from which the paths of the first row lead to videos; None if there are no paths there."""
    paths = [cells[0] for name in videos if (cells := video_cells(table[name].combine_chunks())[0]) and cells[0]]
    return next((root for root in roots if paths and all((root / path).is_file() for path in paths)), None)


def times_column(table: pa.Table) -> str | None:
    """Return a column of lists that are called times, rise, and begin at 0."""
    return _first(table, _TIMES, lambda rows: all(_rises(row) for row in rows))


def split_column(table: pa.Table) -> str | None:
    """Return the column `split`, if its words are splits."""
    return _first(table, (_SPLIT,), lambda rows: all(isinstance(row, str) and split_of(row) for row in rows))


def id_columns(table: pa.Table) -> Iterator[str]:
    """Yield the columns that may name the recordings."""
    import pyarrow.types as types

    for name in _IDS:
        if name in table.column_names and (types.is_string(kind := table[name].type) or types.is_integer(kind)):
            yield name


def _first(table: pa.Table, names: Sequence[str], fits: Callable[[list[Any]], bool]) -> str | None:
    return next((name for name in names if name in table.column_names and fits(table[name].to_pylist())), None)


def _rises(row: Any) -> bool:
    numbers = row if isinstance(row, list) and all(isinstance(each, float | int) for each in row) else []
    return len(numbers) > 1 and numbers[0] == 0 and all(a < b for a, b in pairwise(numbers))


def _is_video_column(column: pa.Array) -> bool:
    import pyarrow.types as types

    if not len(column) or not is_video(column.type):
        return False
    if types.is_struct(column.type) and not _is_media(column.type):
        return False
    paths, contents = video_cells(column)
    return all(_is_video(path, content) for path, content in zip(paths, contents, strict=True))


def _is_media(kind: pa.DataType) -> bool:
    return {field.name for field in kind} <= {"path", "bytes"} and all(
        not is_embedded(field.type) or field.name == "bytes" for field in kind
    )


def _is_video(path: str | None, content: Any) -> bool:
    if content is not None and content.is_valid:
        start = bytes(memoryview(content.as_buffer())[:12])
        return any(start[at : at + len(magic)] == magic for at, magic in _CONTAINERS)
    return path is not None and Path(path).suffix.lower() in VIDEO_SUFFIXES
