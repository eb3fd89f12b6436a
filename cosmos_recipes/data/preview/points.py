"""Points of the world that one moving camera sees: corners of its first picture, as far away as makes them look alike later.

A point stays on its thing in every picture of a static scene if poses and intrinsics are right, and drifts if not. How far
away it is has to be found: all distances along the corner's ray are tried, and the one is kept at which the pictures agree
best (plane sweep; R. T. Collins, 1996). Corners are those of J. Shi and C. Tomasi (1994).

Legend: T frames, H height, W width, C colours, N points, D distances, P pixels of a patch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.geometry import intrinsics, poses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Pixels = NDArray[np.float32]

_GRID = (2, 3)
"""Rows and columns of parts of the picture, each of which gives a corner."""
_MOST_SIDE_PX = 192
_DISTANCES = 192
_NEAREST, _FARTHEST = 0.1, 100.0
"""Bounds of the distances that are tried, in the greatest distances that the camera goes."""
_PATCH = np.stack(np.meshgrid(np.arange(-2, 3), np.arange(-2, 3)), -1).reshape(-1, 2)
_UNLIKE_LEVELS = 25.0
"""By how many of 255 levels two patches differ that are a third alike."""
_UNSEEN = 0.35
"""How much a picture counts that does not show the point."""


@dataclass(frozen=True, kw_only=True)
class WorldPoints:
    """Points in the world of the poses; `alike_N` says how alike what is seen there is in the frames, from 0 to 1."""

    point_m_N3: Array
    alike_N: Array


def points_at(uv_N2: Array, distance_m_ND: Array, pose_44: Array, intrinsics_4: Array) -> Array:
    """Return the points of the world (N, D, 3) that a camera sees at these places, so far before it."""
    ray_N3 = np.concatenate([(uv_N2 - intrinsics_4[2:]) / intrinsics_4[:2], np.ones((len(uv_N2), 1))], -1)
    return poses.transform(poses.invert(pose_44), ray_N3[:, None] * distance_m_ND[..., None])


def find_points(video_THWC: NDArray[np.uint8], pose_T44: Array, intrinsics_T4: Array) -> WorldPoints:
    """Return points that the first frame shows, spread over the picture."""
    small_THWC = reduced(video_THWC)
    sweep = _Sweep(small_THWC, pose_T44, intrinsics_T4, np.array(_corners(small_THWC[0])))
    far_m_D = _tried_distances_m(pose_T44)
    distance_m_N, _ = sweep.best(np.repeat(far_m_D[None], len(sweep.uv_N2), 0))
    step = far_m_D[1] / far_m_D[0] if len(far_m_D) > 1 else 1.0
    distance_m_N, alike_N = sweep.best(distance_m_N[:, None] * step ** np.linspace(-1.5, 1.5, 25))
    return WorldPoints(point_m_N3=sweep.points(distance_m_N[:, None])[:, 0], alike_N=alike_N)


def reduced(video_THWC: NDArray[np.uint8]) -> Pixels:
    """Return the video smaller and softer: means over blocks, then over three by three pixels."""
    block = max(1, -(-max(video_THWC.shape[1:3]) // _MOST_SIDE_PX))
    height, width = (side // block for side in video_THWC.shape[1:3])
    cut = video_THWC[:, : height * block, : width * block].astype(np.float32)
    return np.asarray(softened(cut.reshape(-1, height, block, width, block, 3).mean((2, 4)), 1))


def softened(image: Any, reach: int) -> Any:
    """Return means over `2 * reach + 1` pixels along the third and second axes from the end."""
    for axis in (-3, -2):
        image = sum(np.roll(image, shift, axis) for shift in range(-reach, reach + 1)) / (2 * reach + 1)
    return image


def _corners(frame_HWC: Pixels) -> list[tuple[float, float]]:
    """Return the sharpest corner (u, v) of each part of a picture."""
    down_HW, right_HW = np.gradient(frame_HWC.mean(-1))
    squares = np.stack([right_HW**2, down_HW**2, right_HW * down_HW], -1)
    xx, yy, xy = np.moveaxis(softened(squares, 2), -1, 0)
    sharp_HW = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    height, width = sharp_HW.shape
    edge = max(4, min(height, width) // 10)
    rows, columns = (
        np.linspace(edge, side - edge, n + 1).astype(int) for side, n in zip((height, width), _GRID, strict=True)
    )
    found = []
    for (top, bottom), (left, right) in product(pairwise(rows), pairwise(columns)):
        part = sharp_HW[top:bottom, left:right]
        y, x = np.unravel_index(int(part.argmax()), part.shape)
        found.append(((left + x + 0.5) / width, (top + y + 0.5) / height))
    return found


def _tried_distances_m(pose_T44: Array) -> Array:
    went_m = poses.greatest_distance_m(pose_T44)
    return went_m * np.geomspace(_NEAREST, _FARTHEST, _DISTANCES) if went_m > 1e-6 else np.ones(1)


class _Sweep:
    """Corners of the first frame, and how alike they look in the others for a distance along their rays."""

    def __init__(self, video_THWC: Pixels, pose_T44: Array, intrinsics_T4: Array, uv_N2: Array) -> None:
        self.video_THWC, self.pose_T44, self.intrinsics_T4, self.uv_N2 = video_THWC, pose_T44, intrinsics_T4, uv_N2
        self.patch_NPC = _patches(video_THWC[:1], uv_N2[None])[0]

    def points(self, distance_m_ND: Array) -> Array:
        """Return the points (N, D, 3) in the world."""
        return points_at(self.uv_N2, distance_m_ND, self.pose_T44[0], self.intrinsics_T4[0])

    def best(self, distance_m_ND: Array) -> tuple[Array, Array]:
        """Return for each corner the distance at which the pictures agree most, and how much they do where they show it."""
        points_m_M3 = self.points(distance_m_ND).reshape(-1, 3)
        uv_TM2 = intrinsics.seen(poses.transform(self.pose_T44[1:], points_m_M3), self.intrinsics_T4[1:])
        patch_TMPC = _patches(self.video_THWC[1:], np.nan_to_num(uv_TM2, nan=0.5))
        shape = (len(uv_TM2), *distance_m_ND.shape)
        seen_TND, patch_TNDPC = (
            np.isfinite(uv_TM2[..., 0]).reshape(shape),
            patch_TMPC.reshape(*shape, *patch_TMPC.shape[-2:]),
        )
        alike_TND = np.exp(-np.abs(patch_TNDPC - self.patch_NPC[:, None]).mean((-1, -2)) / _UNLIKE_LEVELS)
        score_ND = np.where(seen_TND, alike_TND, _UNSEEN).mean(0)
        chosen = np.arange(shape[1]), score_ND.argmax(-1)
        alike_ND = (alike_TND * seen_TND).sum(0) / np.maximum(seen_TND.sum(0), 1)
        return distance_m_ND[chosen], alike_ND[chosen]


def _patches(video_THWC: Pixels, uv_TM2: Array) -> Pixels:
    """Return the pixels (T, M, P, C) around places in the pictures, interpolated."""
    frames, height, width, _ = video_THWC.shape
    xy = uv_TM2[..., None, :] * (width, height) - 0.5 + _PATCH
    low = np.floor(xy).astype(int)
    right, down = np.moveaxis((xy - low).astype(np.float32), -1, 0)[..., None]
    t = np.arange(frames)[:, None, None]

    def at(x: int, y: int) -> Pixels:
        columns, rows = (low[..., 0] + x).clip(0, width - 1), (low[..., 1] + y).clip(0, height - 1)
        return np.asarray(video_THWC[t, rows, columns])

    upper, lower = (at(0, y) * (1 - right) + at(1, y) * right for y in (0, 1))
    return np.asarray(upper * (1 - down) + lower * down)
