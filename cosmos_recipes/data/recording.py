"""A recording: one stretch of time that a source gives, seen by one or several cameras, with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Split = Literal["train", "held-out"]
Value = Any
"""A text, a number, or an array; the first axis of an array that changes with time counts the rows of `times_s`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """Where the frames of one view are: a file, or bytes inside one, and the part of its time that is meant.

    `start_s` and `end_s` are seconds on the file's own clock: from the first frame at or after the one to the last
    before the other; None for the file's own start or end.
    """

    path: Path
    offset_bytes: int = 0
    size_bytes: int | None = None
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """What a source gives. `name` is unique in the data set and stays the same on every machine.

    `views` are the cameras by the source's own names, in its order, and all begin at the same moment. `values` are
    everything else, by the source's own names; a data set says which of them are which columns of its contract.
    `times_s` are the seconds from that moment of the rows of values that change with time; None where a row belongs to
    each frame of the first view. A recording without a split is given one by the index, once it is known which
    recordings can be used.
    """

    name: str
    split: Split | None
    views: Mapping[str, Media]
    values: Mapping[str, Value] = field(default_factory=dict)
    times_s: NDArray[np.float64] | None = None

    @property
    def media(self) -> Media:
        """The first view."""
        return next(iter(self.views.values()))
