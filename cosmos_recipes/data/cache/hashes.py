"""Hashes of media by content, remembered by path, size and time, so that a file that did not change is read once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cosmos_recipes.data.recording import Media

BLOCK_BYTES = 2**20
Slice = tuple[str, int, int | None]


class MediaHashes:
    """The table of hashes, a file that any number of processes add lines to.

    A line that was cut off by a kill, or mixed up with another's, is as good as none: what it told is hashed again.
    """

    def __init__(self, table: Path) -> None:
        self.table = table
        self._known: dict[Slice, tuple[int, int, str]] = {}
        for line in table.read_bytes().splitlines() if table.exists() else []:
            self._read(line)

    def of(self, media: Iterable[Media]) -> list[str | None]:
        """Return the sha256 of the bytes of each, read side by side where they are not known; None for what cannot be read."""
        wanted = [_slice(one) for one in media]
        stamps = {path: _stamp(path) for path in dict.fromkeys(path for path, _, _ in wanted)}
        stale = {one: stamp for one in wanted if (stamp := stamps[one[0]]) and self._known.get(one, ())[:2] != stamp}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = dict(zip(stale, pool.map(_hash, stale), strict=True))
        self._remember({one: (*stamp, found[one]) for one, stamp in stale.items()})
        return [self._known[one][2] if stamps[one[0]] else None for one in wanted]

    def _remember(self, found: dict[Slice, tuple[int, int, str]]) -> None:
        self._known |= found
        if not found:
            return
        self.table.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"\n{json.dumps([*one, *known])}" for one, known in found.items())
        with self.table.open("ab") as file:
            file.write(lines.encode())

    def _read(self, line: bytes) -> None:
        try:
            path, offset, size, file_bytes, modified_ns, sha256 = json.loads(line)
        except ValueError:
            return
        self._known[path, offset, size] = file_bytes, modified_ns, sha256


def _slice(media: Media) -> Slice:
    return str(media.path.absolute()), media.offset_bytes, media.size_bytes


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        at = Path(path).stat()
    except OSError:
        return None
    return at.st_size, at.st_mtime_ns


def _hash(one: Slice) -> str:
    path, offset, size = one
    found, left = hashlib.sha256(), size
    with Path(path).open("rb") as file:
        file.seek(offset)
        while block := file.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left)):
            found.update(block)
            left = None if left is None else left - len(block)
    return found.hexdigest()
