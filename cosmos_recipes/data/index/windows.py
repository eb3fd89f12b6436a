"""Which frames make up the clips of a recording: by time, not by number, in every view.

Legend: N clips, V views, T frames of a clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosmos_recipes.data.binding.window import REACH
from cosmos_recipes.data.probe import Probe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SLOWEST = 0.9
"""A recording may have this much fewer frames per second than the clip: nominal rates are rounded."""

HOLE = -1
"""Stands for a frame where the video has none for a while: pictures would be further apart than the rate says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipSpec:
    """The window: `stride` is in frames at `rate_hz`."""

    frames: int
    rate_hz: float
    height_px: int
    width_px: int
    stride: int


def clip_windows(views: Sequence[Probe], clip: ClipSpec) -> NDArray[np.int32]:
    """Return the frame numbers (N, V, T) of each clip: in each view those nearest in time to k / rate, from its first on.

    There are none if a view is too slow, and no more than the shortest view is long. A frame is `HOLE` where none is near.
    """
    import numpy as np

    nearest = [_frames_at_rate(found, clip.rate_hz) for found in views]
    count = min(len(frames) for frames in nearest)
    starts_N = np.arange(0, count - clip.frames + 1, clip.stride)
    places_NT = starts_N[:, None] + np.arange(clip.frames)
    return np.stack([frames[places_NT] for frames in nearest], axis=1).astype(np.int32)


def _frames_at_rate(found: Probe, rate_hz: float) -> NDArray[np.int64]:
    import numpy as np

    times_s = np.asarray(found.times_s)
    if len(times_s) < 2 or (len(times_s) - 1) / times_s[-1] < SLOWEST * rate_hz:
        return np.empty(0, np.int64)
    # The last frame is shown for as long as the others: times that a container rounds do not cost a frame.
    interval_s = times_s[-1] / (len(times_s) - 1)
    wanted_s = np.arange(int((times_s[-1] + interval_s / 2) * rate_hz) + 1) / rate_hz
    after = np.searchsorted(times_s, wanted_s).clip(1, len(times_s) - 1)
    nearest = np.where(wanted_s - times_s[after - 1] <= times_s[after] - wanted_s, after - 1, after)
    return np.where(np.abs(times_s[nearest] - wanted_s) <= REACH / rate_hz, nearest, HOLE)
