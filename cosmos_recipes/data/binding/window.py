"""The moments of a clip, and the rows of a recording's values that belong to them.

Legend: T frames of the clip, R rows of values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.data.decode.fitting import Fitted

    Array = NDArray[np.float64]

REACH = 0.75
"""How far the nearest row may be from a frame, in intervals between rows or frames, whichever are longer."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """The moments `frames_s_T` of a clip's frames and `rows_s_R` of the rows, both from the recording's begin.

    `fits` are what is done to the pictures of each view.
    """

    frames_s_T: Array
    rows_s_R: Array
    fits: Sequence[Fitted]

    @cached_property
    def nearest_T(self) -> NDArray[np.int64]:
        """The row that is nearest in time to each frame."""
        rows = self.rows_s_R
        if len(rows) < 2:
            return np.zeros(len(self.frames_s_T), np.int64)
        after = np.searchsorted(rows, self.frames_s_T).clip(1, len(rows) - 1)
        before_is_nearer = self.frames_s_T - rows[after - 1] <= rows[after] - self.frames_s_T
        return np.where(before_is_nearer, after - 1, after)

    @cached_property
    def is_covered(self) -> bool:
        """Whether each frame has a row near enough to be its own."""
        if not len(self.rows_s_R):
            return False
        apart_s_T = np.abs(self.rows_s_R[self.nearest_T] - self.frames_s_T)
        return bool(apart_s_T.max() <= REACH * max(self._intervals_s))

    @cached_property
    def is_between(self) -> bool:
        """Whether the frames lie between the first row and the last, or hardly outside: further on nothing is known."""
        if not self.is_covered:
            return False
        outside_s = max(self.rows_s_R[0] - self.frames_s_T[0], self.frames_s_T[-1] - self.rows_s_R[-1])
        return bool(outside_s <= REACH * min(self._intervals_s))

    @property
    def _intervals_s(self) -> tuple[float, float]:
        return interval_s(self.rows_s_R), interval_s(self.frames_s_T)

    @property
    def is_rising(self) -> bool:
        """Whether each frame has a row of its own, later than that of the frame before."""
        return bool((np.diff(self.nearest_T) > 0).all())


def interval_s(times_s: Array) -> float:
    """Return the median time between two moments; 0 where there is one."""
    return float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
