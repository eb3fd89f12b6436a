"""Looking at pictures, small: can they be decoded, and does the same one stand still?

Legend: T frames, C colours, H height, W width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cosmos_recipes.data.probe import Probe
from cosmos_recipes.data.recording import Media

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Thumbnails = NDArray[np.uint8]

Decode = Literal["none", "sample", "all"]
"""Which frames are decoded: none, some of every recording, or every one."""
SAMPLED = 9
"""Frames of a sample, evenly spread over the recording."""
SIDE_PX = 64
AT_ONCE = 64
SAME_LEVELS, SAME_MEAN_LEVELS = 3, 0.25
"""Pictures of which no pixel differs by more, nor all of them on average: what coding the same picture again changes."""
LEAST_FRAMES, LEAST_SHARE = 4, 0.2
"""A picture stands still from so many frames on, and from such a part of the recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Still:
    """Frames of a view, from the first to the last, that show the same picture; `share` of the recording."""

    view: str
    first: int
    last: int
    first_s: float
    last_s: float
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Pictures:
    """What was seen of one view in so many frames."""

    stills: tuple[Still, ...]
    frames: int


def look_at_pictures(view: str, media: Media, probe: Probe, decode: Decode) -> Pictures:
    """Decode frames of one view; where a sample stands still, all of them, to see from when to when.

    Raises:
        RecipeError: a frame is missing or damaged (CR512).
    """
    found = _look(view, media, probe, decode)
    return _look(view, media, probe, "all") if found.stills and decode == "sample" else found


def _look(view: str, media: Media, probe: Probe, decode: Decode) -> Pictures:
    count = len(probe.pts)
    spread = np.linspace(0, count - 1, min(SAMPLED, count)).astype(int) if decode == "sample" else np.arange(count)
    frames = np.unique(spread)
    is_same = [False]
    before: Thumbnails | None = None
    for pictures_TCHW in _thumbnails(media, probe, frames):
        if before is not None:
            is_same.append(_same(before, pictures_TCHW[0]))
        is_same += [_same(*pair) for pair in pairwise(pictures_TCHW)]
        before = pictures_TCHW[-1]
    return Pictures(stills=tuple(_stills(view, probe, frames, np.array(is_same))), frames=len(frames))


def _thumbnails(media: Media, probe: Probe, frames: NDArray[np.int64]) -> Iterator[Thumbnails]:
    from cosmos_recipes.data.decode.frames import read_frames

    for start in range(0, len(frames), AT_ONCE):
        own = frames[start : start + AT_ONCE].tolist()
        video_CTHW = read_frames(media, probe, own, height_px=SIDE_PX, width_px=SIDE_PX, backends={})
        yield video_CTHW.transpose(0, 1).numpy()


def _same(one: Thumbnails, other: Thumbnails) -> bool:
    apart: NDArray[Any] = np.abs(one.astype(np.int16) - other)
    return bool(apart.max() <= SAME_LEVELS and apart.mean() <= SAME_MEAN_LEVELS)


def _stills(view: str, probe: Probe, frames: NDArray[np.int64], is_same: NDArray[np.bool_]) -> Iterator[Still]:
    """Yield stretches in which each frame that was looked at is the same as the one before."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_same[1:], [False]]).astype(int)))
    times_s = np.asarray(probe.times_s)
    for begin, end in edges.reshape(-1, 2):
        first, last = int(frames[begin]), int(frames[end])
        share = (last - first + 1) / len(times_s)
        if last - first + 1 >= LEAST_FRAMES and share >= LEAST_SHARE:
            yield Still(
                view=view,
                first=first,
                last=last,
                first_s=float(times_s[first]),
                last_s=float(times_s[last]),
                share=share,
            )
