"""What is kept of every recording for the rules that look at all of them: a few numbers each, no rows.

Legend: N recordings, A numbers of a row, P pairs of a number of an action and one of a state.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cosmos_recipes.data.checks.batch import Batch, Number
from cosmos_recipes.data.checks.contents import Contents
from cosmos_recipes.data.checks.findings import Finding
from cosmos_recipes.data.checks.match import Moments, moments_of
from cosmos_recipes.data.checks.seen import Seen
from cosmos_recipes.data.checks.segments import Segments
from cosmos_recipes.data.dataset import DatasetFile
from cosmos_recipes.data.recording import Media, Split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Known:
    """One recording, without its rows."""

    name: str
    split: Split | None
    file: str
    views: Mapping[str, Media]
    source_views: tuple[str, ...]
    sizes_bytes: tuple[int, ...]
    texts: Mapping[str, str]
    is_readable: bool
    clips: int

    @classmethod
    def of(cls, seen: Seen) -> Known:
        """Keep what is needed of a recording."""
        return cls(
            name=seen.name,
            split=seen.recording.split,
            file=seen.file,
            views=seen.views,
            source_views=tuple(seen.recording.views),
            sizes_bytes=tuple(_size_bytes(media) for media in seen.views.values()) if seen.bound else (),
            texts=seen.bound.texts if seen.bound else {},
            is_readable=seen.has_come_to("readable"),
            clips=seen.clips,
        )


@dataclass(frozen=True, kw_only=True)
class ColumnFacts:
    """Of a column of plain numbers, for each of N recordings with rows: extremes, rows at them, spread.

    `inside_NA` are rows between the extremes, `moving_NA` those of them that differ from the row before.
    """

    at: Literal["frame", "step"]
    numbers: Sequence[Number]
    recordings_N: NDArray[np.int64]
    rows_N: NDArray[np.int64]
    low_NA: Array
    high_NA: Array
    mean_NA: Array
    std_NA: Array
    at_low_NA: Array
    at_high_NA: Array
    first_low_NA: Array
    first_high_NA: Array
    inside_NA: Array
    moving_NA: Array

    @cached_property
    def std_A(self) -> Array:
        """Standard deviation of each number over all rows of all recordings."""
        weights = self.rows_N / self.rows_N.sum()
        mean_A = weights @ self.mean_NA
        return np.asarray(np.sqrt(weights @ (self.std_NA**2 + (self.mean_NA - mean_A) ** 2)))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that is kept. `splits` are the final ones, of the recordings that are kept."""

    dataset: DatasetFile
    per_view: bool
    known: Sequence[Known]
    splits: Mapping[int, Split | None]
    columns: Mapping[str, ColumnFacts]
    matches: Sequence[Moments]
    contents: Contents

    def finding(self, number: int, message: str, *, row: int | None = None, **texts: str) -> Finding:
        """Return what was found in the recording of that number; see `Finding.about`."""
        return Finding.about(self.known[number], message, row=row, **texts)


@dataclass
class Gathered:
    """Facts as they come in, batch by batch."""

    known: list[Known] = field(default_factory=list)
    columns: dict[str, list[ColumnFacts]] = field(default_factory=dict)
    matches: list[list[Moments]] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Take what is needed of a batch."""
        first = len(self.known)
        self.known += [Known.of(seen) for seen in batch.seen]
        for at in ("frame", "step"):
            for name, rows in batch.plain(at).items():
                self.columns.setdefault(name, []).append(
                    _column_facts(at, batch.numbers(name, rows.values.shape[1]), rows, first)
                )
        self.matches.append(moments_of(batch, first))

    def joined_columns(self) -> dict[str, ColumnFacts]:
        """Return the facts of each column over all batches."""
        return {name: _joined(parts) for name, parts in self.columns.items()}

    def joined_matches(self) -> list[Moments]:
        """Return the moments of each pair over all batches."""
        return Moments.joined([each for batch in self.matches for each in batch])


def _column_facts(at: Literal["frame", "step"], numbers: Sequence[Number], rows: Segments, first: int) -> ColumnFacts:
    low_NA, high_NA = rows.least(), rows.most()
    at_low, at_high = rows.values == rows.spread(low_NA), rows.values == rows.spread(high_NA)
    inside = ~(at_low | at_high)
    steps, before, after = rows.pairs()
    moving = inside[steps.values + 1] & (before != after)
    return ColumnFacts(
        at=at,
        numbers=numbers,
        recordings_N=rows.numbers_N + first,
        rows_N=rows.lengths_N,
        low_NA=low_NA,
        high_NA=high_NA,
        mean_NA=rows.mean(),
        std_NA=rows.std(),
        at_low_NA=_count(rows, at_low),
        at_high_NA=_count(rows, at_high),
        first_low_NA=_first(rows, at_low),
        first_high_NA=_first(rows, at_high),
        inside_NA=_count(rows, inside),
        moving_NA=_count(steps, moving),
    )


def _count(rows: Segments, is_so: Array) -> Array:
    return rows.with_values(is_so.astype(np.int32)).sum()


def _first(rows: Segments, is_so: Array) -> Array:
    """Return the first row, within each recording, of which it is so (N, A)."""
    place = np.arange(len(is_so))[:, None] - rows.spread(rows.starts_N)[:, None]
    return rows.with_values(np.where(is_so, place, np.iinfo(np.int64).max)).least()


def _joined(parts: Sequence[ColumnFacts]) -> ColumnFacts:
    own = [part for part in parts if len(part.numbers) == len(parts[0].numbers)]
    arrays = {
        each.name: np.concatenate([getattr(part, each.name) for part in own])
        for each in fields(ColumnFacts)
        if each.name not in ("at", "numbers")
    }
    return ColumnFacts(at=parts[0].at, numbers=parts[0].numbers, **arrays)


def _size_bytes(media: Media) -> int:
    if media.size_bytes is not None:
        return media.size_bytes
    try:
        return os.stat(media.path).st_size
    except (OSError, ValueError):
        return -1
