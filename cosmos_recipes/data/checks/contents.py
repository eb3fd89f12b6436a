"""What tells videos apart: where they lie, and what is in them where two are of the same size."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from cosmos_recipes.data.recording import Media

CHUNK_BYTES = 2**20
Key = tuple[object, ...]


class HasViews(Protocol):
    """A recording whose views have sizes."""

    @property
    def views(self) -> Mapping[str, Media]:
        """Where the views are."""

    @property
    def sizes_bytes(self) -> Sequence[int]:
        """How large the file of each view is; none where that is not known."""


class Contents:
    """Compares the files of recordings. Only those of which there is another of the same size are read, once each."""

    def __init__(self, known: Sequence[HasViews], *, opens_files: bool) -> None:
        self._known = known
        places = {
            (size, _place(media))
            for each in known
            for size, media in zip(each.sizes_bytes, each.views.values(), strict=False)
        }
        counts = Counter(size for size, _ in places if size > 0) if opens_files else Counter[int]()
        self._read = {place for size, place in places if counts[size] > 1}
        self._hashes: dict[Key, str] = {}

    def file(self, number: int, view: str) -> Key:
        """Return the same for views of one file, and of files with the same content."""
        media = self._known[number].views[view]
        place = _place(media)
        if place not in self._read:
            return place
        if place not in self._hashes:
            self._hashes[place] = _sha256(media)
        return (self._hashes[place],) if self._hashes[place] else place

    def key(self, number: int, view: str) -> Key:
        """Return the same for views only if they are the same stretch of such a file."""
        media = self._known[number].views[view]
        return (*self.file(number, view), media.start_s, media.end_s)


def _place(media: Media) -> Key:
    return (str(media.path), media.offset_bytes)


def _sha256(media: Media) -> str:
    """Return a hash of what is in a file, or in the part of it that is meant; nothing if it cannot be read."""
    digest, left = hashlib.sha256(), media.size_bytes
    try:
        with media.path.open("rb") as file:
            file.seek(media.offset_bytes)
            while part := file.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left)):
                digest.update(part)
                left = None if left is None else left - len(part)
    except (OSError, ValueError):
        return ""
    return digest.hexdigest()
