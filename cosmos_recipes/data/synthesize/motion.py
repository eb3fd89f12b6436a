"""What moves in a made-up recording. Pictures, numbers and caption all follow it.

Legend: R rows, K numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MOST = 16
"""Numbers that change each in their own way; further ones repeat these."""
COLOURS = ("red", "orange", "yellow", "green", "blue", "violet")


@dataclass(frozen=True)
class Motion:
    """Smooth numbers between -1 and 1 that change with time, decided by a seed."""

    seed: tuple[int, ...]

    def at(self, times_s_R: Array, count: int) -> Array:
        """Return the numbers (R, K) at these moments."""
        rates_hz_M, phases_M = self._drawn
        angles_RM = 2 * np.pi * rates_hz_M * times_s_R[:, None] + phases_M
        return np.take(np.sin(angles_RM), np.arange(count) % MOST, axis=1)

    @property
    def colour(self) -> int:
        """The number of the colour that most of the pictures have."""
        return int(np.random.default_rng((*self.seed, 1)).integers(len(COLOURS)))

    def caption(self, end_s: float) -> str:
        """Say in a sentence which way the pattern moves from the start to the end."""
        right, down = np.diff(self.at(np.array([0.0, end_s]), 2), axis=0)[0]
        way = ("right" if right > 0 else "left") if abs(right) > abs(down) else ("down" if down > 0 else "up")
        return f"A {COLOURS[self.colour]} pattern moves {way}."

    @cached_property
    def _drawn(self) -> tuple[Array, Array]:
        rng = np.random.default_rng(self.seed)
        return rng.uniform(0.04, 0.2, MOST), rng.uniform(0, 2 * np.pi, MOST)
