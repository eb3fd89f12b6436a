"""Sources that list what is there first, and read each recording when it is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NoReturn

from pydantic import Field

from cosmos_recipes.data.sources.base import (
    VIDEO_SUFFIXES,
    Media,
    Progress,
    Recording,
    Source,
    SourceDescription,
)
from cosmos_recipes.data.sources.stamps import stamp
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail

MISSING = "CR553"
MOST_LOOKED_AT = 64
_READ_SUFFIXES = VIDEO_SUFFIXES | {".txt", ".json", ".jsonl"}

Reader = Callable[[], Recording]
"""Reads one recording; raises RecipeError, with CR553 if a part of it is missing."""


class ListedSource(Source):
    """A source whose recordings are already videos; one of which a part is missing is an error, or dropped."""

    path: str = Field(description="What is read; relative to this file.")
    on_missing: Literal["error", "drop"] = Field(
        "error", description="What is done with a recording of which a part is missing: `error` stops, `drop` goes on."
    )

    @abstractmethod
    def readers(self, folder: Path | None, progress: Progress) -> Sequence[Reader]:
        """Return what reads each recording; `folder` is where something may be kept for the next time."""

    def describe(self) -> SourceDescription:
        """Return codecs and count; at most 64 recordings are read, and those of them that are dropped are named."""
        readers = self.readers(None, lambda what, done, total: None)
        kept, dropped = self._read(readers[:: -(-len(readers) // MOST_LOOKED_AT) or 1])
        return SourceDescription(
            codecs=codecs_of([recording.media for recording in kept]),
            recordings=len(readers) if len(readers) > MOST_LOOKED_AT else len(kept),
            views=tuple(kept[0].views),
            problems=tuple(dropped),
        )

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Return every recording, in the source's order."""
        kept, _ = self._read(self.readers(folder, progress), progress)
        _require_unique(kept)
        return kept if len({recording.split for recording in kept}) > 1 else [replace(r, split=None) for r in kept]

    def first(self, count: int) -> Sequence[Recording]:
        """Return the first recordings of which no part is missing."""
        found: list[Recording] = []
        for read in self.readers(None, lambda what, done, total: None):
            if len(found) == count:
                break
            try:
                found.append(read())
            except RecipeError as error:
                if error.problems[0].code != MISSING:
                    raise
        return found

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the videos and annotations."""
        return stamp(tree(Path(self.path)))

    def _read(
        self, readers: Sequence[Reader], progress: Progress | None = None
    ) -> tuple[list[Recording], list[Problem]]:
        """Return the recordings that can be read, and what was dropped; raises every other problem together."""
        kept: list[Recording] = []
        dropped: list[Problem] = []
        problems: list[Problem] = []
        for done, read in enumerate(readers, 1):
            try:
                kept.append(read())
            except RecipeError as error:
                lenient = self.on_missing == "drop" and error.problems[0].code == MISSING
                (dropped if lenient else problems).extend(error.problems)
            if progress:
                progress("reading the annotations", done, len(readers))
        if problems or not kept:
            raise RecipeError(*(problems or dropped))
        return kept, dropped


def codecs_of(media: Sequence[Media]) -> dict[str, int]:
    """Return how many of the videos have which codec; those that cannot be opened are left to the index."""
    from cosmos_recipes.data.probe import codec_of

    return dict(Counter(codec for codec in (codec_of(each) for each in media) if codec))


def videos_below(root: Path) -> dict[str, Path]:
    """Return the videos under a folder by their name in it without its ending, in order; what is hidden is no video."""
    found = (path for path in root.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    named: dict[str, Path] = {}
    for path in sorted(path for path in found if not path.name.startswith(".")):
        name = path.relative_to(root).with_suffix("").as_posix()
        if name in named:
            fail_duplicate(f"two videos are called {name}", path, [named[name].name, path.name])
        named[name] = path
    return named


def fail_missing(message: str, place: Path, *, expected: str, found: str = "") -> NoReturn:
    """Raise that a part of a recording is missing (CR553)."""
    hint = "put it there, or leave out such recordings with `on_missing: drop`"
    fail(MISSING, message, place=Place(file=str(place)), expected=expected, found=found, hint=hint)


def fail_duplicate(message: str, place: Path, found: Sequence[str]) -> NoReturn:
    """Raise that two things have one name (CR555)."""
    where = Place(file=str(place))
    fail("CR555", message, place=where, expected="one of that name", found=" and ".join(found), hint="keep one of them")


def fail_layout(message: str, place: Path, *, expected: str, hint: str) -> NoReturn:
    """Raise that what lies there is not what the source reads (CR558)."""
    found = "a folder" if place.is_dir() else "a file" if place.exists() else "nothing"
    fail("CR558", message, place=Place(file=str(place)), expected=expected, found=found, hint=hint)


def tree(*roots: Path) -> dict[str, Path]:
    """Return every file under folders that a source may read, by its place in them."""
    files: dict[str, Path] = {}
    for number, root in enumerate(roots):
        below = root.rglob("*") if root.is_dir() else [root]
        files |= {f"{number}/{path.relative_to(root)}": path for path in below if path.suffix.lower() in _READ_SUFFIXES}
    return files


def _require_unique(recordings: Sequence[Recording]) -> None:
    seen: dict[str, Recording] = {}
    for recording in recordings:
        if recording.name in seen:
            paths = [str(each.media.path) for each in (seen[recording.name], recording)]
            fail_duplicate(f"two recordings are called {recording.name}", recording.media.path, paths)
        seen[recording.name] = recording
