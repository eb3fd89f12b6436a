"""How much data is made up, and of what form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cosmos_recipes.data.contract import FRAMES, POINTS, STEPS, VIEWS, Column, Schema

TIME, VIEW, TABLE = "_time_s", "_view_{}", "recordings.parquet"
"""What the table has besides the contract's columns, none of which begins with an underscore; and its file."""
FUTURE_POINTS, FUTURE_RATE_HZ = 64, 10.0
LEAST_LENGTH = 3
"""Length of the first axis that a contract names as it likes; the next ones are one longer each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthesisSpec:
    """How many recordings there are, what their videos are like, and the seed of all that is drawn.

    `views` counts the views of contracts whose data sets name them; the others have one for each of their videos.
    """

    recordings: int = 100
    frames: int = 25
    rate_hz: float = 5.0
    height_px: int = 64
    width_px: int = 64
    views: int = 3
    seed: int = 0
    codec: Literal["vp9", "mjpeg", "h264"] = "vp9"

    def view_names(self, schema: Schema) -> dict[str, str]:
        """Return the table's name of each view of the contract."""
        own = schema.own_views or tuple(f"camera-{number}" for number in range(1, self.views + 1))
        return {name: VIEW.format(name) for name in own}

    def rows(self, schema: Schema) -> int:
        """Return how many rows the values of a recording have: one for each frame, and more where what comes counts."""
        ahead_s = FUTURE_POINTS / FUTURE_RATE_HZ if looks_ahead(schema) else 0.0
        return self.frames + math.ceil(ahead_s * self.rate_hz)

    def lengths(self, schema: Schema) -> dict[str, int]:
        """Return the length of every axis that the contract names."""
        lengths = {
            FRAMES: self.rows(schema),
            STEPS: self.rows(schema),
            VIEWS: len(self.view_names(schema)),
            POINTS: FUTURE_POINTS,
            "H": self.height_px,
            "W": self.width_px,
        }
        named = (axis for column in schema.columns.values() for axis in column.shape if isinstance(axis, str))
        free = [axis for axis in dict.fromkeys(named) if axis not in lengths]
        return lengths | {axis: length for length, axis in enumerate(free, LEAST_LENGTH)}


def looks_ahead(schema: Schema) -> bool:
    """Return whether values are needed that come after the last frame."""
    return any(column.convention == "future-points" for column in schema.columns.values())


def element_of(column: Column, lengths: dict[str, int]) -> tuple[int, ...]:
    """Return the shape of one value of a column: without time and views."""
    axes = (axis for axis in column.shape if axis not in (FRAMES, STEPS, VIEWS))
    return tuple(axis if isinstance(axis, int) else lengths[axis] for axis in axes)
