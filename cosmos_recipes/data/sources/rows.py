"""Tables with a row for each recording, as Parquet files and Hugging Face data sets hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from zipfile import BadZipFile

from pydantic import Field

from cosmos_recipes.data.recording import Media, Recording, Split
from cosmos_recipes.data.sources.base import Source
from cosmos_recipes.data.sources.blobs import fetch, keep
from cosmos_recipes.data.sources.columns import NoArrayError, values_of
from cosmos_recipes.data.sources.splits import HELD_OUT_NAMES
from cosmos_recipes.diagnostics import Place, fail, nearest
from cosmos_recipes.recipe.paths import named_in

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


_ARCHIVES = frozenset(("zip", "tar", "gzip", "bz2", "xz", "zstd"))
"""What a file may lie inside, in an address of fsspec."""


class RowSource(Source):
    """What is said of a table: which columns are videos, names and times; all others are values by their own names."""

    id: str | None = Field(None, description="Column that names the recordings; their place in the table if none.")
    times: str | None = Field(None, description="Column with the seconds from the first frame of each row of values.")
    columns: tuple[str, ...] | None = Field(None, description="Columns that become values; all of them if none.")

    def require_columns(self, names: Sequence[str], wanted: Iterable[str | None], place: Place) -> None:
        """Raise RecipeError (CR535) unless a table has all the columns that the settings and `wanted` name."""
        for name in (*wanted, self.id, self.times, *(self.columns or ())):
            if name is not None and name not in names:
                close = nearest(name, names)
                fail(
                    "CR535",
                    f"the table has no column {name}",
                    place=place,
                    expected=f"one of {', '.join(names)}",
                    found=name,
                    hint=f"did you mean `{close}`?" if close else "correct the settings of the source",
                )


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows of a table.

    `first` is the number of the first of them, from 0, in the table that `origin` names. A relative path of a video
    starts from `root`, a folder or an address; `folder` takes what is no local file.
    """

    table: pa.Table
    settings: RowSource
    videos: Sequence[str]
    first: int
    origin: str
    place: Place
    root: str
    folder: Path
    addresses: bool = False
    """Whether a path may be an address that is fetched."""

    def recordings(self, splits: Sequence[Split | None], without: Iterable[str] = ()) -> Iterator[Recording]:
        """Yield a recording for each row; the columns `without` are no values.

        Raises:
            RecipeError: a row holds no video, name or array where there should be one (CR536).
        """
        special = {*self.videos, *without, self.settings.id, self.settings.times}
        columns = [name for name in self.settings.columns or self.table.column_names if name not in special]
        values = {name: self._values(name) for name in columns}
        times = self._values(self.settings.times) if self.settings.times else None
        views = {name: self._media(name) for name in self.videos}
        for row, name in enumerate(self._names):
            yield Recording(
                name=name,
                split=splits[row],
                views={view: media[row] for view, media in views.items()},
                values={key: column[row] for key, column in values.items() if column[row] is not None},
                times_s=None if times is None else self._times_s(row, times[row]),
            )

    def texts(self, name: str) -> list[str]:
        """Return a column in which every row has a text or a whole number, as texts."""
        values = self._values(name)
        for row, value in enumerate(values):
            if not isinstance(value, str | int):
                self.refuse(name, row, "a text or a whole number", _shown(value))
        return [str(value) for value in values]

    def refuse(self, column: str, row: int, expected: str, found: str, hint: str = "") -> NoReturn:
        """Raise the problem of one row of a column."""
        fail(
            "CR536",
            f"the row {self.first + row} of {self.origin} has no usable `{column}`",
            place=self.place,
            expected=expected,
            found=found,
            hint=hint or "correct the row (they are counted from 0), or name the columns that are needed in `columns`",
        )

    @cached_property
    def _names(self) -> list[str]:
        if self.settings.id:
            return self.texts(self.settings.id)
        return [f"{self.origin}:{self.first + row}" for row in range(self.table.num_rows)]

    def _column(self, name: str) -> pa.Array:
        return self.table[name].combine_chunks()

    def _values(self, name: str) -> Sequence[Any]:
        try:
            return values_of(self._column(name))
        except NoArrayError as error:
            self.refuse(name, error.row, "a text, a number, or lists of numbers that form an array", str(error))

    def _times_s(self, row: int, value: Any) -> np.ndarray:
        import numpy as np

        times_s = np.asarray(value, np.float64) if not isinstance(value, str | None) else None
        if times_s is None or times_s.ndim != 1:
            self.refuse(str(self.settings.times), row, "a list of seconds", _shown(value))
        return times_s

    def _media(self, name: str) -> list[Media]:
        paths, contents = video_cells(self._column(name))
        return [self._one(name, row, path, contents[row]) for row, path in enumerate(paths)]

    def _one(self, name: str, row: int, path: str | None, content: Any) -> Media:
        if content is not None and content.is_valid:
            return Media(path=keep(memoryview(content.as_buffer()), path or "", self.folder))
        if not path:
            self.refuse(name, row, "the path or the bytes of a video", "nothing")
        address = path if "://" in path or "://" not in self.root else f"{self.root}/{path}"
        if "://" not in address:
            return Media(path=named_in(Path(self.root), address, place=self.place))
        if not self.addresses:
            self.refuse(name, row, "the path of a file", address, "copy the videos to a folder first")
        self._require_own(address)
        try:
            return Media(path=fetch(address, self.folder))
        except (BadZipFile, OSError, ImportError, ValueError) as error:
            self.refuse(name, row, "an address that can be read", f"{address}: {error}", "look at the address")

    def _require_own(self, address: str) -> None:
        """Refuse to fetch what is not of the data set itself: a table cannot choose what this machine connects to."""
        *inside, own = address.split("::")
        archives = all(each.partition("://")[0] in _ARCHIVES for each in inside)
        if not archives or not own.startswith(f"{self.root}/") or ".." in own.split("/"):
            fail(
                "CR160",
                f"{self.origin} names a video elsewhere",
                place=self.place,
                expected=f"paths in the data set, or addresses below {self.root}/",
                found=address,
                hint="copy the videos to a folder first",
            )


def video_cells(column: pa.Array) -> tuple[list[str | None], Sequence[Any]]:
    """Return the path of each row's video, and its bytes as Arrow's scalar; None for what a row has not.

    A column holds paths, bytes, or both in a struct of `path` and `bytes`, as Hugging Face data sets store videos.
    """
    import pyarrow.types as types

    nothing = [None] * len(column)
    if is_embedded(column.type):
        return list(nothing), column
    if types.is_struct(column.type):
        fields = dict(zip((field.name for field in column.type), column.flatten(), strict=True))
        paths = fields["path"].to_pylist() if "path" in fields else list(nothing)
        return paths, fields.get("bytes", nothing)
    return column.to_pylist(), nothing


def is_video(kind: pa.DataType) -> bool:
    """Return whether a column of this type can hold videos."""
    import pyarrow.types as types

    if types.is_struct(kind):
        return any(field.name in ("path", "bytes") for field in kind)
    return bool(types.is_string(kind) or types.is_large_string(kind) or is_embedded(kind))


def is_embedded(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds bytes."""
    import pyarrow.types as types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def split_of(name: str) -> Split | None:
    """Return which split a customary name means, None for another name."""
    return "train" if name == "train" else "held-out" if name.lower() in HELD_OUT_NAMES else None


def require_unique(recordings: Sequence[Recording], place: Place, column: str | None) -> None:
    """Raise RecipeError (CR536) if two recordings have one name."""
    counted = Counter(recording.name for recording in recordings)
    twice = [name for name, count in counted.items() if count > 1]
    if twice:
        fail(
            "CR536",
            f"{len(twice)} names stand for several recordings",
            place=place,
            expected=f"another text in each row of `{column}`",
            found=", ".join(twice[:5]),
            hint="name a column in `id` that tells the recordings apart, or none",
        )


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"{str(value)[:60]} ({type(value).__name__})"
