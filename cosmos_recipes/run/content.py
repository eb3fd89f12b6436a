"""What is in the data of a run, as hashes that do not depend on where it lies: `data` of recipe.lock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.data.cache.hashes import MediaHashes
from cosmos_recipes.data.index import ClipIndex
from cosmos_recipes.data.index.tables import WHERE, chunks_of
from cosmos_recipes.diagnostics import visible
from cosmos_recipes.run.folder import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_RECORDINGS = 2000
"""Recordings that are listed one by one; of more, the lock holds one hash of all."""
_DIGITS = 16


def content_of(prepared: Path, hashes: MediaHashes) -> dict[str, Any]:
    """Return `sha256`, of all recordings, and `recordings`, of each by name: videos, texts, splits, clips and numbers."""
    index = ClipIndex(prepared)
    numbers = _clips(index)
    rows = index.recordings.to_pylist()
    media = [[view.media for view in index.views(number).values()] for number in range(len(rows))]
    videos = iter(hashes.of(one for views in media for one in views))
    found = {}
    for number, (row, views) in enumerate(zip(rows, media, strict=True)):
        seen = [[next(videos), *(getattr(one, name) for name in WHERE)] for one in views]
        found[visible(str(row["name"]))] = digest([row, seen, numbers[number].hexdigest()])
    listed = {name: each[:_DIGITS] for name, each in found.items()} if len(found) <= MOST_RECORDINGS else {}
    return {"sha256": digest(found), "recordings": listed}


def _clips(index: ClipIndex) -> Sequence[Any]:
    """Return a hash of each recording's clips: their splits, frames and numbers."""
    found = [hashlib.sha256() for _ in range(index.recordings.num_rows)]
    for name in ("split", "frames_VT", *index.columns):
        first = 0
        for chunk in chunks_of(index.clips, name):
            for number, start, stop in _runs(index.recording_of[first : first + len(chunk)]):
                found[number].update(chunk[start:stop].tobytes())
            first += len(chunk)
    return found


def _runs(recording_N: NDArray[np.int32]) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and stop of each stretch of clips of one recording."""
    import numpy as np

    starts = np.flatnonzero(np.diff(recording_N, prepend=-1)).tolist()
    for start, stop in zip(starts, [*starts[1:], len(recording_N)], strict=True):
        yield int(recording_N[start]), start, stop
