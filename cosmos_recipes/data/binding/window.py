"""The moments of a recording's clips, and the rows of its values that belong to them.

Legend: N clips, T frames of each, M moments, R rows of values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cosmos_recipes.data.decode.fitting import fitting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.data.decode.fitting import Fitted
    from cosmos_recipes.data.probe import Probe

    Array = NDArray[np.float64]

REACH = 0.75
"""How far the nearest row may be from a frame, in intervals between rows or frames, whichever are longer."""
FRAMES_AT_ONCE = 2**16
"""Frames of clips whose values are held as float64 at a time: clips that overlap have many times those of a recording."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Clips of a recording: the frames of each are at `moments_s_M[frames_NT]`, the rows of values at `rows_s_R`.

    All are seconds from the recording's begin, and rise. `fits` are what is done to the pictures of each view. Where
    frames `are_at_rows`, moments and rows are the same.
    """

    moments_s_M: Array
    frames_NT: NDArray[np.integer[Any]]
    rows_s_R: Array
    fits: Sequence[Fitted]
    are_at_rows: bool = False

    @classmethod
    def of(
        cls,
        probes: Sequence[Probe],
        *,
        moments_s: Array,
        frames_NT: NDArray[np.integer[Any]],
        rows_s: Array,
        height_px: int,
        width_px: int,
    ) -> Self:
        """Return clips of that size."""
        fits = [fitting(found, height_px=height_px, width_px=width_px) for found in probes]
        return cls(moments_s_M=moments_s, frames_NT=frames_NT, rows_s_R=rows_s, fits=fits)

    @classmethod
    def whole(cls, probes: Sequence[Probe], *, rows_s: Array, height_px: int, width_px: int) -> Self:
        """Return a whole recording as if it were one clip, with a frame at each row."""
        frames_NT = np.arange(len(rows_s))[None]
        size = {"height_px": height_px, "width_px": width_px}
        one = cls.of(probes, moments_s=rows_s, frames_NT=frames_NT, rows_s=rows_s, **size)
        return replace(one, are_at_rows=True)

    def __len__(self) -> int:
        return len(self.frames_NT)

    def among(self, chosen_N: NDArray[np.bool_]) -> Self:
        """Return the clips that are chosen."""
        return replace(self, frames_NT=self.frames_NT[chosen_N])

    def parts(self) -> Iterator[Self]:
        """Yield the clips, as many at a time as are held together."""
        count = max(1, FRAMES_AT_ONCE // max(1, self.frames_NT.shape[1]))
        for start in range(0, len(self), count):
            frames_NT = self.frames_NT[start : start + count]
            first, last = frames_NT.min(), frames_NT.max()
            moments_s_M = self.moments_s_M[first : last + 1]
            yield replace(self, moments_s_M=moments_s_M, frames_NT=frames_NT - first, are_at_rows=False)

    @cached_property
    def nearest_M(self) -> NDArray[np.int64]:
        """The row that is nearest in time to each moment."""
        rows, moments = self.rows_s_R, self.moments_s_M
        if self.are_at_rows:
            return np.arange(len(rows))
        if len(rows) < 2:
            return np.zeros(len(moments), np.int64)
        after = np.searchsorted(rows, moments).clip(1, len(rows) - 1)
        before_is_nearer = moments - rows[after - 1] <= rows[after] - moments
        return np.where(before_is_nearer, after - 1, after)

    @cached_property
    def nearest_NT(self) -> NDArray[np.int64]:
        """The row that is nearest in time to each frame."""
        return np.asarray(self.nearest_M[self.frames_NT])

    @cached_property
    def are_covered_N(self) -> NDArray[np.bool_]:
        """Whether each frame of a clip has a row near enough to be its own."""
        if self.are_at_rows or not len(self.rows_s_R):
            return np.full(len(self), len(self.rows_s_R) > 0)
        apart_s_M = np.abs(self.rows_s_R[self.nearest_M] - self.moments_s_M)
        longest_s_N = np.maximum(_interval_s(self.rows_s_R), _interval_s(self.moments_s_M[self.frames_NT]))
        return np.asarray(apart_s_M[self.frames_NT].max(axis=1) <= REACH * longest_s_N)

    @cached_property
    def are_between_N(self) -> NDArray[np.bool_]:
        """Whether frames lie between the first row and the last, or hardly outside: further on nothing is known."""
        if self.are_at_rows or not len(self.rows_s_R):
            return self.are_covered_N
        rows, at_s_NT = self.rows_s_R, self.moments_s_M[self.frames_NT]
        outside_s_N = np.maximum(rows[0] - at_s_NT[:, 0], at_s_NT[:, -1] - rows[-1])
        shortest_s_N = np.minimum(_interval_s(rows), _interval_s(at_s_NT))
        return np.asarray(self.are_covered_N & (outside_s_N <= REACH * shortest_s_N))

    @property
    def are_rising_N(self) -> NDArray[np.bool_]:
        """Whether each frame of a clip has a row of its own, later than that of the frame before."""
        return np.asarray((np.diff(self.nearest_NT, axis=1) > 0).all(axis=1))


def _interval_s(times_s_T: Array) -> Array:
    """Return the median time (...) between two of the moments (..., T) of each; 0 where there is one."""
    if times_s_T.shape[-1] < 2:
        return np.zeros(times_s_T.shape[:-1])
    return np.asarray(np.median(np.diff(times_s_T, axis=-1), axis=-1))
