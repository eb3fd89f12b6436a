"""What every source gives: recordings, and a cheap description of them for the compiler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from cosmos_recipes.data.recording import Media, Recording, Split
from cosmos_recipes.data.sources.meaning import Meaning
from cosmos_recipes.diagnostics import Place, Problem
from cosmos_recipes.recipe.paths import path_in

__all__ = ["VIDEO_SUFFIXES", "Meaning", "Media", "Progress", "Recording", "Source", "SourceDescription", "Split"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""
VIDEO_SUFFIXES = frozenset((".mp4", ".mkv", ".webm", ".mov", ".avi"))


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceDescription:
    """What a source holds, found without decoding: codecs of the files looked at, and how many recordings there are.

    `rate_hz` and `frames` are those of every recording, None where they may differ; `views` are by the source's own
    names, none where that takes a look at the recordings.
    """

    codecs: dict[str, int]
    recordings: int
    rate_hz: float | None = None
    frames: int | None = None
    views: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = field(default=())


def together(parts: Sequence[SourceDescription]) -> SourceDescription:
    """Return what several sources hold; rate and frames are those of all recordings only where all have the same."""
    rates, frames = {part.rate_hz for part in parts}, {part.frames for part in parts}
    codecs: Counter[str] = Counter()
    for part in parts:
        codecs.update(part.codecs)
    return SourceDescription(
        codecs=dict(codecs),
        recordings=sum(part.recordings for part in parts),
        rate_hz=rates.pop() if len(rates) == 1 else None,
        frames=frames.pop() if len(frames) == 1 else None,
        problems=tuple(problem for part in parts for problem in part.problems),
    )


class Source(BaseModel, ABC):
    """Settings of a source, checked when they are read; paths are absolute after `absolute`.

    `looks_for` is the layout that it recognises, in a few words. Of several sources that recognise a path the one whose
    layout says most has the greatest `detail`: 3 for a file that only it has, 2 for folders or names that say what
    belongs together, 1 for a table, 0 for mere videos. `guessed` are the settings that `recognises` may get wrong, and why. `paths` are
    those that are paths.
    """

    looks_for: ClassVar[str] = ""
    detail: ClassVar[int] = 3
    guessed: ClassVar[Mapping[str, str]] = {}
    paths: ClassVar[tuple[str, ...]] = ("path",)

    model_config = ConfigDict(extra="forbid", frozen=True)

    def absolute(self, folder: Path, *names: str, place: Place | None = None) -> Self:
        """Return the source with its paths, or those of some settings, taken from `folder`; `place` is where they are said.

        Raises:
            RecipeError: a path may not be named there (CR122 to CR124).
        """
        said = {name: path for name in names or self.paths if (path := getattr(self, name)) is not None}
        made = {name: str(path_in(folder, path, place=place).resolve()) for name, path in said.items()}
        return self.model_copy(update=made)

    def fingerprint(self) -> str:
        """Return a text that changes when what the source reads, or the way it makes its data, changes."""
        return ""

    @abstractmethod
    def describe(self) -> SourceDescription:
        """Return what is there; raises RecipeError if nothing is."""

    @abstractmethod
    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Return every recording; a source that makes its videos writes them into `folder`."""

    def first(self, count: int) -> Sequence[Recording]:
        """Return the first recordings for a look at their values; their videos need not stay."""
        with TemporaryDirectory() as folder:
            return self.recordings(Path(folder), lambda what, done, total: None)[:count]

    def meanings(self) -> Mapping[str, Meaning]:
        """Return what is known of values by their names, found without reading more than a few recordings."""
        return {}

    def unread(self) -> Mapping[str, int]:
        """Return how many files lie there that may say something and are not read, by their endings."""
        return {}

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Return the settings with which this source reads what lies at `path`; None if that is of another kind."""
        return None
