"""Points followed through a video: corners, by the pyramid of Lucas and Kanade, forward and back.

Legend: N points, V views, T frames, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Frames = NDArray[np.uint8]

POINTS = 120
"""Points that are followed at a time in each view."""
APART_PX = 2.0
"""How far apart new points are at least, and as far from those that are followed already."""
FEWEST_FRAMES = 3
"""Frames in which a point is seen, to be kept."""
_WINDOW_PX = 9
_RETURN_PX = 0.5
"""How far from its start a point that is followed forward and then back may end."""
_FAINTEST = 0.005
_SEARCH: dict[str, Any] = {
    "winSize": (_WINDOW_PX, _WINDOW_PX),
    "maxLevel": 3,
    "criteria": (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 0.003),
    "minEigThreshold": 1e-5,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracks:
    """Where points are seen, `uv_NT2` as shares of width and height, NaN where they are not; `view_N` is whose they are."""

    uv_NT2: Array
    view_N: NDArray[np.int64]

    @property
    def seen_NT(self) -> NDArray[np.bool_]:
        """Whether a point is seen in a frame."""
        return np.isfinite(self.uv_NT2[..., 0])

    @property
    def first_N(self) -> NDArray[np.int64]:
        """The frame in which each point was found."""
        return np.asarray(self.seen_NT.argmax(1), np.int64)


def follow_points(views_VTHW3: Sequence[Frames]) -> Tracks:
    """Return the tracks of corners of RGB frames, those of each view on their own.

    Corners are J. Shi and C. Tomasi's (Good Features to Track, 1994); where points are lost, new ones are found.
    """
    found = [_follow([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in view]) for view in views_VTHW3]
    height, width = views_VTHW3[0].shape[1:3]
    uv_NT2 = (np.concatenate(found) + 0.5) / np.array([width, height])
    return Tracks(uv_NT2=uv_NT2, view_N=np.repeat(np.arange(len(found)), [len(points) for points in found]))


def _follow(grey_THW: Sequence[Any]) -> Array:
    """Return where points are (N, T, 2) in pixels from the centre of the upper left one."""
    point_NT2 = np.full((0, len(grey_THW), 2), np.nan)
    for frame, (here_HW, next_HW) in enumerate(pairwise(grey_THW)):
        new_N2 = _corners(here_HW, point_NT2[np.isfinite(point_NT2[:, frame, 0]), frame])
        started_NT2 = np.full((len(new_N2), len(grey_THW), 2), np.nan)
        started_NT2[:, frame] = new_N2
        point_NT2 = np.concatenate([point_NT2, started_NT2])
        followed = np.flatnonzero(np.isfinite(point_NT2[:, frame, 0]))
        if len(followed):
            point_NT2[followed, frame + 1] = _step(here_HW, next_HW, point_NT2[followed, frame])
    return np.asarray(point_NT2[np.isfinite(point_NT2[..., 0]).sum(1) >= FEWEST_FRAMES], np.float64)


def _corners(grey_HW: Any, taken_N2: Array) -> Array:
    if len(taken_N2) >= POINTS:
        return np.empty((0, 2))
    free_HW = np.full(grey_HW.shape, 255, np.uint8)
    for x, y in taken_N2.round().astype(int).tolist():
        cv2.circle(free_HW, (x, y), int(APART_PX), 0, -1)
    found: Any = cv2.goodFeaturesToTrack(
        grey_HW, POINTS - len(taken_N2), _FAINTEST, APART_PX, mask=free_HW, blockSize=3
    )
    return np.empty((0, 2)) if found is None else np.asarray(found, np.float64).reshape(-1, 2)


def _step(here_HW: Any, next_HW: Any, point_N2: Array) -> Array:
    """Return where points are in the next frame; NaN for those that are lost."""
    start_N12 = point_N2.astype(np.float32)[:, None]
    there, kept, _ = cv2.calcOpticalFlowPyrLK(here_HW, next_HW, start_N12, np.empty_like(start_N12), **_SEARCH)
    back, back_kept, _ = cv2.calcOpticalFlowPyrLK(next_HW, here_HW, there, np.empty_like(start_N12), **_SEARCH)
    there_N2 = there.reshape(-1, 2).astype(np.float64)
    gap_px_N = np.linalg.norm(back.reshape(-1, 2) - point_N2, axis=1)
    height, width = here_HW.shape
    inside_N = ((there_N2 >= 0) & (there_N2 <= (width - 1, height - 1))).all(1)
    holds_N = (kept.ravel() > 0) & (back_kept.ravel() > 0) & (gap_px_N < _RETURN_PX) & inside_N
    return np.where(holds_N[:, None], there_N2, np.nan)
