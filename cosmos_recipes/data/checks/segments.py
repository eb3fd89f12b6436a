"""Rows of many recordings one after the other, and what is computed of each recording at once.

Legend: R rows of all recordings, N recordings; whatever axes follow are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Rows `values` (R, ...); those of the recording that `numbers_N` says begin at `starts_N`, and none is without."""

    values: Array
    starts_N: NDArray[np.int64]
    numbers_N: NDArray[np.int64]

    @classmethod
    def of(cls, arrays: Sequence[Array], numbers: Sequence[int], *, fewest: int = 1) -> Segments | None:
        """Put the rows of recordings one after the other, without recordings of fewer rows; None if none is left."""
        kept = [(array, number) for array, number in zip(arrays, numbers, strict=True) if len(array) >= max(1, fewest)]
        if not kept:
            return None
        lengths = [len(array) for array, _ in kept]
        return cls(
            values=np.concatenate([array for array, _ in kept]),
            starts_N=np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64),
            numbers_N=np.array([number for _, number in kept], np.int64),
        )

    def __len__(self) -> int:
        return len(self.starts_N)

    @cached_property
    def lengths_N(self) -> NDArray[np.int64]:
        """Rows of each recording."""
        return np.diff(np.append(self.starts_N, len(self.values)))

    @cached_property
    def owner_R(self) -> NDArray[np.int64]:
        """Which of the N recordings each row is of."""
        return np.repeat(np.arange(len(self)), self.lengths_N)

    def with_values(self, values: Array) -> Segments:
        """Return other values of the same rows."""
        return Segments(values=values, starts_N=self.starts_N, numbers_N=self.numbers_N)

    def pairs(self) -> tuple[Segments, Array, Array]:
        """Return the steps between rows, as segments of one row fewer, and the values before and after each of them.

        Every recording has two rows or more.
        """
        inside = np.flatnonzero(self.owner_R[1:] == self.owner_R[:-1])
        starts_N = self.starts_N - np.arange(len(self))
        steps = Segments(values=inside, starts_N=starts_N, numbers_N=self.numbers_N)
        return steps, self.values[inside], self.values[inside + 1]

    def steps(self) -> Segments:
        """Return the changes from each row to the next, as segments of one row fewer."""
        steps, before, after = self.pairs()
        return steps.with_values(after - before)

    def sum(self) -> Array:
        """Return the sum of each recording (N, ...)."""
        return np.add.reduceat(self.values, self.starts_N, axis=0)

    def least(self) -> Array:
        """Return the least value of each recording (N, ...)."""
        return np.minimum.reduceat(self.values, self.starts_N, axis=0)

    def most(self) -> Array:
        """Return the greatest value of each recording (N, ...)."""
        return np.maximum.reduceat(self.values, self.starts_N, axis=0)

    def mean(self) -> Array:
        """Return the mean of each recording (N, ...)."""
        return self.sum() / self.lengths_N.reshape(-1, *[1] * (self.values.ndim - 1))

    def std(self) -> Array:
        """Return the standard deviation of each recording (N, ...)."""
        deviation = self.values - self.mean()[self.owner_R]
        return np.sqrt(self.with_values(deviation**2).mean())

    @cached_property
    def _sorted(self) -> Array:
        return np.concatenate([np.sort(own) for own in np.split(self.values, self.starts_N[1:])])

    def quantile(self, share: float) -> Array:
        """Return the value below which a share of each recording's rows lie (N), of rows with one number."""
        return np.asarray(self._sorted[self.starts_N + ((self.lengths_N - 1) * share).astype(np.int64)])

    def spread(self, of_each_N: Array) -> Array:
        """Return a value of each recording for each of its rows (R, ...)."""
        return np.asarray(of_each_N[self.owner_R])

    def first(self, is_wrong_R: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
        """Yield (recording's number, row within it, row among all) of the first row that is wrong of each recording."""
        wrong = np.flatnonzero(is_wrong_R)
        owners, places = np.unique(self.owner_R[wrong], return_index=True)
        rows = wrong[places]
        yield from zip(
            self.numbers_N[owners].tolist(), (rows - self.starts_N[owners]).tolist(), rows.tolist(), strict=True
        )
