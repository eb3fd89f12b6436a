"""Parquet files with a row for each recording: its videos as paths or as bytes, its texts, numbers and arrays."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn

from pydantic import Field

from cosmos_recipes.data.sources.base import Progress, Recording, SourceDescription, Split
from cosmos_recipes.data.sources.rows import (
    Rows,
    RowSource,
    is_embedded,
    is_video,
    require_unique,
    split_of,
    video_cells,
)
from cosmos_recipes.data.sources.stamps import stamp
from cosmos_recipes.data.sources.tables import id_columns, split_column, times_column, video_columns, video_root
from cosmos_recipes.diagnostics import Place, fail

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MOST_PROBED = 64
ROWS_AT_ONCE = 32_768
MOST_ROWS = 20_000_000
_ROWS_LOOKED_AT = 3
VIDEOS_AT_ONCE = 16
"""Rows read at once where the table holds the videos themselves."""


class ParquetSource(RowSource):
    """The rows of one file, of the files in a folder, or of those that a pattern names, in order of their names.

    Views and values have the names of their columns. A list of numbers of any depth is an array, and stays one in
    memory: no number becomes an object. Bytes of a video are written once, under the hash of what they hold.
    """

    looks_for: ClassVar[str] = "Parquet files with a column of videos: paths, or bytes"
    detail: ClassVar[int] = 1
    paths: ClassVar[tuple[str, ...]] = ("path", "root")

    path: str = Field(description="A file, a folder, or a pattern such as data/*.parquet; relative to this file.")
    root: str | None = Field(
        None, description="Folder that the paths of videos start from; that of the table if none is named."
    )
    videos: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        ("video",), description="Columns that are views: paths, bytes, or structs of path and bytes."
    )
    split: str | None = Field(None, description="Column with `train`, or `held-out` (or val, test), in each row.")

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the tables and of the videos that they name."""
        files = self._files()
        named = {str(path): path for path in files.values()}
        for path in files.values():
            with _opened(path) as file:
                self._require(file.schema_arrow, path)
                columns = [_paths_of(file.schema_arrow.field(name)) for name in self.videos]
                table = file.read(columns=[column for column in columns if column])
            for column in table.columns:
                paths, _ = video_cells(column.combine_chunks())
                named |= {each: self._root(path) / each for each in paths if each}
        return stamp(named)

    def describe(self) -> SourceDescription:
        """Return the count, from the footers alone, and the codecs of the first rows of at most 64 files."""
        from cosmos_recipes.data.probe import codec_of

        files, codecs, count = self._files(), list[str | None](), 0
        spread = list(files)[:: -(-len(files) // MOST_PROBED)]
        for name, path in files.items():
            with _opened(path) as file, TemporaryDirectory() as folder:
                self._require(file.schema_arrow, path)
                count += file.metadata.num_rows
                if name in spread:
                    first = next(self._batches(name, path, file, Path(folder), at_once=1), [])
                    codecs += [codec_of(media.path) for row in first for media in row.views.values()]
        if not count:
            self._fail_empty()
        return SourceDescription(codecs=dict(Counter(codec for codec in codecs if codec)), recordings=count)

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Return every row, in order of the files; raises RecipeError for the first that cannot be used (CR536)."""
        files, found = self._files(), list[Recording]()
        total = 0
        for path in files.values():
            with _opened(path) as file:
                total += file.metadata.num_rows
        for name, path in files.items():
            with _opened(path) as file:
                self._require(file.schema_arrow, path)
                for batch in self._batches(name, path, file, folder):
                    found += batch
                    progress("reading the table", len(found), total)
        if self.id:
            require_unique(found, Place(file=self.path), self.id)
        return found

    def first(self, count: int) -> Sequence[Recording]:
        """Return the first rows; no others are read, and no other video is written."""
        found: list[Recording] = []
        with TemporaryDirectory() as folder:
            for name, path in self._files().items():
                with _opened(path) as file:
                    self._require(file.schema_arrow, path)
                    found += next(self._batches(name, path, file, Path(folder), at_once=count), [])
                if len(found) >= count:
                    break
        return found[:count]

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Recognise tables that have a column of videos; names, times, splits and where paths start are guessed."""
        is_table = path.suffix == ".parquet" or (path.is_dir() and any(path.rglob("[!._]*.parquet")))
        return _seen(path, [*cls(path=str(path))._files().values()]) if is_table else None

    def _batches(
        self, name: str, path: Path, file: pq.ParquetFile, folder: Path, *, at_once: int | None = None
    ) -> Iterator[list[Recording]]:
        first, names = 0, self._columns(file.schema_arrow)
        held = any(_holds_bytes(file.schema_arrow.field(video)) for video in self.videos)
        at_once = at_once or (VIDEOS_AT_ONCE if held else ROWS_AT_ONCE)
        for table in _tables(file, path, names, at_once):
            rows = Rows(
                table=table,
                settings=self,
                videos=self.videos,
                first=first,
                origin=name,
                place=Place(file=str(path)),
                root=str(self._root(path)),
                folder=folder,
            )
            yield list(rows.recordings(self._splits(rows), [self.split] if self.split else []))
            first += table.num_rows

    def _columns(self, schema: pa.Schema) -> list[str]:
        """Return the columns that are read."""
        special = [name for name in (*self.videos, self.id, self.times, self.split) if name]
        return list(dict.fromkeys((*special, *(self.columns or schema.names))))

    def _splits(self, rows: Rows) -> list[Split | None]:
        if not self.split:
            return [None] * rows.table.num_rows
        said = rows.texts(self.split)
        splits = [split_of(text) for text in said]
        if None in splits:
            row = splits.index(None)
            rows.refuse(self.split, row, "`train`, or `held-out`, `val` or `test`", said[row], "correct the row")
        return splits

    def _root(self, path: Path) -> Path:
        return Path(self.root) if self.root else path.parent

    def _require(self, schema: pa.Schema, path: Path) -> None:
        place = Place(file=str(path))
        self.require_columns(schema.names, (*self.videos, self.split), place)
        for name in self.videos:
            if not is_video(schema.field(name).type):
                fail(
                    "CR535",
                    f"the column {name} cannot be videos",
                    place=place,
                    expected="paths, bytes, or structs of `path` and `bytes`",
                    found=str(schema.field(name).type),
                    hint="correct `videos`",
                )

    def _files(self) -> dict[str, Path]:
        """Return the tables by their name in the folder, in order; what is hidden is none."""
        root = Path(self.path)
        if root.is_file():
            return {root.name: root}
        if root.is_dir():
            found = [path for path in root.rglob("*.parquet") if path.is_file()]
        else:
            found = [Path(path) for path in glob.glob(self.path, recursive=True) if Path(path).is_file()]
            root = next(parent for parent in root.parents if not glob.has_magic(str(parent)))
        names = {path.relative_to(root).as_posix(): path for path in found if not path.name.startswith((".", "_"))}
        if not names:
            self._fail_empty()
        return dict(sorted(names.items()))

    def _fail_empty(self) -> NoReturn:
        fail(
            "CR534",
            "there are no rows",
            place=Place(file=self.path),
            expected="a Parquet file, a folder of them, or a pattern that finds some",
            found="nothing",
            hint="check the spelling of `path`",
        )


def _seen(path: Path, files: Sequence[Path]) -> dict[str, Any] | None:
    """Return the settings that read these tables, None if none of their columns are videos."""
    table = first_rows(files[0])
    videos = video_columns(table)
    if not videos:
        return None
    beside = files[0].parent
    root = video_root(table, videos, (beside, *(each for each in (path, path.parent) if each.is_dir())))
    named: Mapping[str, str | None] = {
        "root": str(root) if root and root != beside else None,
        "id": next((name for name in id_columns(table) if _tells_apart(files, name)), None),
        "times": times_column(table),
        "split": split_column(table),
    }
    return {"path": str(path), "videos": list(videos), **{key: name for key, name in named.items() if name}}


def first_rows(path: Path) -> pa.Table:
    """Return the first few rows of a table; raises RecipeError (CR534)."""
    with _opened(path) as file:
        empty = file.schema_arrow.empty_table()
        return next(_tables(file, path, file.schema_arrow.names, _ROWS_LOOKED_AT), empty)


def _tells_apart(files: Sequence[Path], name: str) -> bool:
    """Return whether no two rows have the same in a column, and none has nothing."""
    rows: list[Any] = []
    for path in files:
        with _opened(path) as file:
            if name in file.schema_arrow.names:
                rows += file.read(columns=[name])[name].to_pylist()
    return None not in rows and len(rows) == len({*rows})


def _opened(path: Path) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        if file.metadata.num_rows > MOST_ROWS:
            raise pa.ArrowInvalid(f"{file.metadata.num_rows:,} rows, where at most {MOST_ROWS:,} are read")
        return file
    except (OSError, pa.ArrowException) as error:
        _fail_unreadable(path, error)


def _tables(file: pq.ParquetFile, path: Path, columns: Sequence[str], at_once: int) -> Iterator[pa.Table]:
    import pyarrow as pa

    try:
        for batch in file.iter_batches(batch_size=at_once, columns=list(columns)):
            yield pa.Table.from_batches([batch])
    except (OSError, pa.ArrowException) as error:
        _fail_unreadable(path, error)


def _fail_unreadable(path: Path, error: Exception) -> NoReturn:
    fail(
        "CR534",
        f"the table {path.name} cannot be read",
        place=Place(file=str(path)),
        expected="a whole Parquet file",
        found=str(error).splitlines()[0],
        hint="copy it again",
    )


def _holds_bytes(field: pa.Field) -> bool:
    import pyarrow.types as types

    inner = list(field.type) if types.is_struct(field.type) else [field]
    return any(is_embedded(each.type) for each in inner)


def _paths_of(field: pa.Field) -> str | None:
    """Return the column of a video's paths, None if there are bytes alone."""
    import pyarrow.types as types

    if types.is_struct(field.type):
        return f"{field.name}.path" if any(each.name == "path" for each in field.type) else None
    return None if is_embedded(field.type) else field.name
