"""Do pictures turn as the poses of their camera say, or as other readings of the same numbers would have it?

A camera that turns from one frame to a near one moves everything far away by the homography K R K^-1, whatever the scene
(Hartley and Zisserman, Multiple View Geometry, section 8.4). Poses that were inverted, or whose axes are others than
declared, predict another motion, which fits the pictures worse than the true one.

Legend: R rows, T frames, P pairs of frames, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cosmos_recipes.data.geometry.poses import interpolate, invert
from cosmos_recipes.data.probe import Probe
from cosmos_recipes.data.recording import Media

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Reading = Literal[
    "as declared", "the other direction", "OpenGL axes for OpenCV's", "the other direction and OpenGL axes"
]
SHORTER_SIDE_PX = 64
PAIRS, GAPS = 6, (1, 2, 4, 8, 16)
LEAST_RAD, MOST_RAD = np.radians(2.0), np.radians(15.0)
"""How far the camera turns between the frames of a pair."""
USUAL_LENS = (0.8, 0.5)
"""Focal length over width and centre, where the data set says no intrinsics; a wrong lens only makes all fits worse."""
LEAST_OVERLAP = 0.3
_READINGS: tuple[Reading, ...] = (
    "as declared",
    "the other direction",
    "OpenGL axes for OpenCV's",
    "the other direction and OpenGL axes",
)
_FLIP_33 = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Turning:
    """Mean grey levels by which pairs of frames differ: as they are, and after turning one of them by each reading."""

    still: float
    fits: dict[Reading, float]
    pairs: int
    first: int

    @property
    def best(self) -> Reading:
        """The reading that fits best."""
        return min(self.fits, key=lambda reading: self.fits[reading])


def compare_readings(
    media: Media,
    probe: Probe,
    camera_to_world_R44: Array,
    rows_s_R: Array,
    lens_4: Array | None,
    *,
    height_px: int,
    width_px: int,
) -> Turning | None:
    """Compare readings of poses with a few pairs of frames; None if the camera does not turn.

    `lens_4` are fx, fy, cx and cy as shares of a picture of that height and width.

    Raises:
        RecipeError: a frame is missing or damaged (CR512).
    """
    times_s_T = np.asarray(probe.times_s)
    inside_T = times_s_T <= rows_s_R[-1]
    pose_T44 = interpolate(camera_to_world_R44, rows_s_R, times_s_T[inside_T])
    pairs = _pairs(pose_T44)
    if not pairs:
        return None
    scale = SHORTER_SIDE_PX / min(height_px, width_px)
    height, width = max(2, round(height_px * scale)), max(2, round(width_px * scale))
    grey = _grey(media, probe, sorted({frame for pair in pairs for frame in pair}), height, width)
    lens_33 = _lens(lens_4, height / width)
    errors = [_errors(grey[one], grey[other], pose_T44[one], pose_T44[other], lens_33) for one, other in pairs]
    known = np.array([each for each in errors if np.isfinite(each).all()])
    if not len(known):
        return None
    still, *fits = known.mean(axis=0).tolist()
    return Turning(still=still, fits=dict(zip(_READINGS, fits, strict=True)), pairs=len(known), first=pairs[0][0])


def _pairs(pose_T44: Array) -> list[tuple[int, int]]:
    """Return pairs of near frames between which the camera turns by a few degrees, spread over the recording."""
    starts = np.unique(np.linspace(0, max(0, len(pose_T44) - 2), PAIRS).astype(int))
    found = [
        next(
            (
                (start, start + gap)
                for gap in GAPS
                if start + gap < len(pose_T44)
                and LEAST_RAD <= _angle(pose_T44[start], pose_T44[start + gap]) <= MOST_RAD
            ),
            None,
        )
        for start in starts.tolist()
    ]
    return [pair for pair in found if pair]


def _angle(one_44: Array, other_44: Array) -> float:
    apart = float(np.linalg.norm(other_44[:3, :3] - one_44[:3, :3]))
    return float(2 * np.arcsin(min(1.0, apart / np.sqrt(8))))


def _grey(media: Media, probe: Probe, frames: list[int], height_px: int, width_px: int) -> dict[int, Array]:
    """Return pictures (H, W) by frame, blurred a little so that half a pixel does not count."""
    from cosmos_recipes.data.decode.frames import read_frames

    video_CTHW = read_frames(media, probe, frames, height_px=height_px, width_px=width_px, backends={})
    grey_THW = video_CTHW.float().mean(0).numpy()
    padded = np.pad(grey_THW, ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = [padded[:, y : y + height_px, x : x + width_px] for y in range(3) for x in range(3)]
    blurred = np.mean(around, axis=0)
    return dict(zip(frames, blurred, strict=True))


def _lens(lens_4: Array | None, aspect: float) -> Array:
    fx, fy, cx, cy = (USUAL_LENS[0], USUAL_LENS[0] / aspect, *[USUAL_LENS[1]] * 2) if lens_4 is None else lens_4
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)


def _turns(one_44: Array, other_44: Array) -> list[Array]:
    """Return the rotation from one camera to the other by each reading of their camera-to-world poses."""
    readings = []
    for flip_33 in (np.eye(3), _FLIP_33):
        for one, other in ((one_44, other_44), (invert(one_44), invert(other_44))):
            readings.append((other[:3, :3] @ flip_33).T @ one[:3, :3] @ flip_33)
    return readings


def _errors(one_HW: Array, other_HW: Array, one_44: Array, other_44: Array, lens_33: Array) -> list[float]:
    """Return how much two frames differ as they are, and after turning the first by each reading."""
    homographies = [lens_33 @ turn_33 @ np.linalg.inv(lens_33) for turn_33 in _turns(one_44, other_44)]
    return [_difference(one_HW, other_HW, each_33) for each_33 in (np.eye(3), *homographies)]


def _difference(one_HW: Array, other_HW: Array, homography_33: Array) -> float:
    """Return the mean difference where a turned picture covers the other; NaN where it hardly does."""
    height, width = one_HW.shape
    y_HW, x_HW = np.mgrid[:height, :width]
    seen_HW3 = np.stack([(x_HW + 0.5) / width, (y_HW + 0.5) / height, np.ones((height, width))], -1)
    from_HW3 = seen_HW3 @ np.linalg.inv(homography_33).T
    depth_HW = np.where(from_HW3[..., 2] > 1e-6, from_HW3[..., 2], np.nan)
    x, y = from_HW3[..., 0] / depth_HW * width - 0.5, from_HW3[..., 1] / depth_HW * height - 0.5
    covered = (x >= 0) & (x < width - 1) & (y >= 0) & (y < height - 1)
    if covered.mean() < LEAST_OVERLAP:
        return float("nan")
    return float(np.abs(_sampled(one_HW, x[covered], y[covered]) - other_HW[covered]).mean())


def _sampled(picture_HW: Array, x_N: Array, y_N: Array) -> Array:
    """Return the picture between its pixels, bilinear."""
    left, top = x_N.astype(int), y_N.astype(int)
    right_part, lower_part = x_N - left, y_N - top
    upper = picture_HW[top, left] * (1 - right_part) + picture_HW[top, left + 1] * right_part
    lower = picture_HW[top + 1, left] * (1 - right_part) + picture_HW[top + 1, left + 1] * right_part
    return np.asarray(upper * (1 - lower_part) + lower * lower_part)
