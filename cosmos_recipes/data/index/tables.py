"""The tables of an index on disk, as Arrow files that are memory mapped.

A row of a clip has the same size as every other, and rows lie in batches of `CHUNK`: one is found by arithmetic and seen
without a copy. Legend: V views, T frames of a clip.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.data.probe import Probe
from cosmos_recipes.data.recording import Media, Split
from cosmos_recipes.files import whole

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from cosmos_recipes.data.binding.bind import BoundRecording

CHUNK = 65_536
SPLITS: tuple[Split, ...] = ("train", "held-out")
"""By the number that stands for them in the table of clips."""
WHERE = ("offset_bytes", "size_bytes", "start_s", "end_s")
"""What of a video's file is meant, besides its path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A clip as it is written: the number of its recording, its split, frame numbers of each view, columns of numbers.

    `part` is the number of its data set in a mixture.
    """

    recording: int
    part: int
    split: Split
    frames_VT: NDArray[np.int32]
    columns: Mapping[str, NDArray[np.float32]]


def write_recordings(path: Path, recordings: Sequence[BoundRecording], texts: Sequence[str]) -> None:
    """Write names, splits and texts, in which an absent one is empty."""
    import pyarrow as pa

    names = {"name": [each.name for each in recordings], "split": [each.split for each in recordings]}
    columns = {**names, **{text: [each.texts.get(text, "") for each in recordings] for text in texts}}
    table = pa.table({name: pa.array(values, pa.large_string()) for name, values in columns.items()})
    _write(path, table.schema, table.to_batches())


def write_views(path: Path, recordings: Sequence[tuple[BoundRecording, Sequence[Probe]]], folder: Path) -> None:
    """Write a row for each view of each recording, in order: where its frames are, and what was found there."""
    import pyarrow as pa

    rows = [
        {
            "view": view,
            "path": _stored(media.path, folder),
            **{name: getattr(media, name) for name in WHERE},
            **{name: getattr(found, name) for name in Probe.__dataclass_fields__},
        }
        for recording, probes in recordings
        for (view, media), found in zip(recording.views.items(), probes, strict=True)
    ]
    table = pa.Table.from_pylist(rows) if rows else pa.table({})
    _write(path, table.schema, table.to_batches())


def write_clips(path: Path, clips: Iterable[Clip]) -> None:
    """Write clips, of which all have the same views, frames and columns; the shapes are kept in the file's metadata."""
    rest = iter(clips)
    schema, batches = None, []
    while chunk := list(islice(rest, CHUNK)):
        batch = _clip_batch(chunk)
        schema = schema or batch.schema
        batches.append(batch)
    import pyarrow as pa

    _write(path, schema or pa.schema([]), batches)


def open_table(path: Path) -> pa.Table:
    """Return a table that stays on disk until it is looked at."""
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def shapes_of(table: pa.Table) -> dict[str, tuple[int, ...]]:
    """Return the shape of a row of each column that has one."""
    kept: Mapping[bytes, bytes] = table.schema.metadata or {}
    return {name.decode(): tuple(int(side) for side in text.split(b",") if side) for name, text in kept.items()}


def chunks_of(table: pa.Table, name: str) -> list[NDArray[Any]]:
    """Return a column as arrays of `CHUNK` rows, seen where they lie on disk."""
    import numpy as np

    shape = shapes_of(table).get(name)
    column = table[name]
    flat = [chunk.flatten() if shape is not None else chunk for chunk in column.chunks]
    # Arrow's own `to_numpy` imports pandas first, which takes most of a second.
    arrays = [np.from_dlpack(chunk) for chunk in flat]
    return [array.reshape(-1, *shape) for array in arrays] if shape is not None else arrays


def media_of(row: Mapping[str, Any], folder: Path) -> tuple[Media, Probe]:
    """Return a view's file and what the probe found in it, from a row of the table of views."""
    fields = {name: row[name] for name in Probe.__dataclass_fields__}
    fields["pts"], fields["keyframes"] = tuple(fields["pts"]), tuple(fields["keyframes"])
    return Media(path=folder / row["path"], **{name: row[name] for name in WHERE}), Probe(**fields)


def _clip_batch(clips: Sequence[Clip]) -> pa.RecordBatch:
    import numpy as np
    import pyarrow as pa

    columns: dict[str, pa.Array] = {
        "recording": pa.array(np.array([clip.recording for clip in clips], np.int32)),
        "part": pa.array(np.array([clip.part for clip in clips], np.int16)),
        "split": pa.array(np.array([SPLITS.index(clip.split) for clip in clips], np.int8)),
    }
    shapes: dict[str, str] = {}
    for name, arrays in _stacked(clips):
        size = int(np.prod(arrays.shape[1:]))
        columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(arrays.reshape(-1)), size)
        shapes[name] = ",".join(map(str, arrays.shape[1:]))
    batch = pa.RecordBatch.from_pydict(columns)
    return batch.replace_schema_metadata(shapes)


def _stacked(clips: Sequence[Clip]) -> Iterator[tuple[str, NDArray[Any]]]:
    import numpy as np

    yield "frames_VT", np.stack([clip.frames_VT for clip in clips]).astype(np.int32)
    for name in clips[0].columns:
        yield name, np.stack([clip.columns[name] for clip in clips])


def _stored(path: Path, folder: Path) -> str:
    """Return the path of a video that was made for this index relative to it, so that both can be moved together."""
    path, beside = path.absolute(), folder.absolute().parent
    return os.path.relpath(path, folder.absolute()) if path.is_relative_to(beside) else str(path)


def _write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    import pyarrow as pa

    with whole(path) as part, pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
