"""Hashes of media by content, remembered by path, size and time, so that a file that did not change is read once."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cosmos_recipes.data.recording import Media

BLOCK_BYTES = 2**20
SETTLED_S = 1.0
"""A file that changed so shortly before it was read may change again without another time: the hash is not kept."""
Slice = tuple[str, int, int | None]
Stamp = tuple[int, int, int]
"""Size, time of the content, and time of the file itself, which no copying sets back; times in nanoseconds."""


class MediaHashes:
    """The table of hashes, a file that any number of processes add lines to.

    A line that was cut off by a kill, or mixed up with another's, is as good as none: what it told is hashed again.
    """

    def __init__(self, table: Path) -> None:
        self.table = table
        self._known: dict[Slice, tuple[Stamp, str]] = {}
        for line in table.read_bytes().splitlines() if table.exists() else []:
            self._read(line)

    def of(self, media: Iterable[Media]) -> list[str | None]:
        """Return the sha256 of the bytes of each, read side by side where they are not known; None for what cannot be read."""
        wanted = [_slice(one) for one in media]
        stamps = {path: _stamp(path) for path in dict.fromkeys(path for path, _, _ in wanted)}
        found = {one: self._found(one, stamps[one[0]]) for one in wanted}
        stale = [one for one, sha256 in found.items() if sha256 is None and stamps[one[0]]]
        if stale:
            now_ns = time.time_ns()
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                hashed = dict(zip(stale, pool.map(_hash, stale), strict=True))
            self._remember(
                {one: (stamp, sha) for one, sha in hashed.items() if sha and (stamp := stamps[one[0]])}, now_ns
            )
            found |= hashed
        return [found[one] for one in wanted]

    def _found(self, one: Slice, stamp: Stamp | None) -> str | None:
        known = self._known.get(one)
        return known[1] if known and known[0] == stamp else None

    def _remember(self, hashed: dict[Slice, tuple[Stamp, str]], now_ns: int) -> None:
        self._known |= hashed
        settled = {one: known for one, known in hashed.items() if max(known[0][1:]) < now_ns - SETTLED_S * 1e9}
        if settled:
            self.table.parent.mkdir(parents=True, exist_ok=True)
            lines = "".join(f"\n{json.dumps([one, *known])}" for one, known in settled.items())
            with self.table.open("ab") as file:
                file.write(lines.encode())

    def _read(self, line: bytes) -> None:
        try:
            (path, offset, size), (file_bytes, modified_ns, changed_ns), sha256 = json.loads(line)
            self._known[path, offset, size] = (file_bytes, modified_ns, changed_ns), sha256
        except (TypeError, ValueError):
            return


def _slice(media: Media) -> Slice:
    return str(media.path.absolute()), media.offset_bytes, media.size_bytes


def _stamp(path: str) -> Stamp | None:
    try:
        at = Path(path).stat()
    except OSError:
        return None
    return at.st_size, at.st_mtime_ns, at.st_ctime_ns


def _hash(one: Slice) -> str | None:
    path, offset, size = one
    found, left = hashlib.sha256(), size
    try:
        with Path(path).open("rb") as file:
            file.seek(offset)
            while block := file.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left)):
                found.update(block)
                left = None if left is None else left - len(block)
    except OSError:
        return None
    return found.hexdigest()
