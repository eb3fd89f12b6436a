"""Poses as matrices of 4x4, `(R, t; 0, 1)`: a pose takes the coordinates of a point in one frame to those in another.

Poses compose by `@`: `ego_to_world @ camera_to_ego` is camera-to-world. `invert` turns it into world-to-camera.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.data.geometry.kinds import Axes
from cosmos_recipes.data.geometry.rotations import Array, from_axis_angle, to_axis_angle

Rows: TypeAlias = NDArray[np.integer[Any]]

METRES_PER = {"m": 1.0, "cm": 0.01, "mm": 0.001, "arbitrary": 1.0}
LETTERS: dict[Axes, str] = {
    "opencv": "rdf",
    "opengl": "rub",
    "waymo": "flu",
    "flu": "flu",
    "frd": "frd",
    "rdf": "rdf",
}
"""Where x, y and z point, by the name of the convention."""
_FORWARD_LEFT_UP = {"f": (1, 0, 0), "b": (-1, 0, 0), "l": (0, 1, 0), "r": (0, -1, 0), "u": (0, 0, 1), "d": (0, 0, -1)}


def assemble(rotation_T33: Array, translation_T3: Array) -> Array:
    """Return poses (T, 4, 4) of these rotations and translations."""
    pose_T44 = np.zeros((*translation_T3.shape[:-1], 4, 4))
    pose_T44[..., :3, :3] = rotation_T33
    pose_T44[..., :3, 3] = translation_T3
    pose_T44[..., 3, 3] = 1
    return pose_T44


def invert(pose_T44: Array) -> Array:
    """Return the inverse poses (T, 4, 4): world-to-camera of camera-to-world, and the other way round."""
    back_T33 = np.swapaxes(pose_T44[..., :3, :3], -1, -2)
    return assemble(back_T33, -np.einsum("...ij,...j->...i", back_T33, pose_T44[..., :3, 3]))


def transform(pose_T44: Array, point_TN3: Array) -> Array:
    """Return the points (T, N, 3) in the frame that each pose leads to."""
    turned_TN3 = point_TN3 @ np.swapaxes(pose_T44[..., :3, :3], -1, -2)
    return np.asarray(turned_TN3 + pose_T44[..., None, :3, 3], dtype=np.float64)


def axes_rotation(source: Axes, target: Axes) -> Array:
    """Return the rotation (3, 3) that takes coordinates along the axes `source` to those along `target`."""
    source_33, target_33 = (np.array([_FORWARD_LEFT_UP[way] for way in LETTERS[axes]]) for axes in (source, target))
    return np.asarray(target_33 @ source_33.T, dtype=np.float64)


def change_axes(pose_T44: Array, *, source: Axes, target: Axes, to_world: bool) -> Array:
    """Return the poses (T, 4, 4) of the same cameras or vehicles when their axes are named as in `target`.

    `to_world` says whether the poses lead from the camera or vehicle to the world, or from the world to it.
    """
    change_44 = assemble(axes_rotation(source, target), np.zeros(3))
    return np.asarray(pose_T44 @ change_44.T if to_world else change_44 @ pose_T44, dtype=np.float64)


def relative_to_first(pose_T44: Array, *, to_world: bool) -> Array:
    """Return the poses (..., T, 4, 4) in a world whose frame is the camera's or vehicle's own at the first moment.

    The first becomes the identity, and nothing of the source's world is left: neither its axes nor its origin, be it
    the centre of the Earth.
    """
    if not to_world:
        return invert(relative_to_first(invert(pose_T44), to_world=True))
    # Subtracting first keeps nanometres that a product loses six thousand kilometres from the origin.
    moved_T44 = assemble(pose_T44[..., :3, :3], pose_T44[..., :3, 3] - pose_T44[..., :1, :3, 3])
    return np.asarray(invert(moved_T44[..., :1, :, :]) @ moved_T44, dtype=np.float64)


def greatest_distance_m(world_to_camera_T44: Array) -> float:
    """Return the greatest distance between any two of the camera's positions, the scale of a path."""
    centre_T3 = invert(world_to_camera_T44)[..., :3, 3]
    return float(np.linalg.norm(centre_T3[:, None] - centre_T3, axis=-1).max())


def interpolate(pose_T44: Array, times_s_T: Array, at_s_N: Array) -> Array:
    """Return the poses (N, 4, 4) at other moments: positions along lines, rotations at constant speed about one axis.

    `times_s_T` rises. Moments outside the times have the pose of the nearest.
    """
    before_N, after_N, phase_N1 = _between(times_s_T, at_s_N)
    start_N44, end_N44 = pose_T44[before_N], pose_T44[after_N]
    turn_N3 = to_axis_angle(np.swapaxes(start_N44[:, :3, :3], -1, -2) @ end_N44[:, :3, :3])
    rotation_N33 = start_N44[:, :3, :3] @ from_axis_angle(turn_N3 * phase_N1)
    return assemble(rotation_N33, start_N44[:, :3, 3] * (1 - phase_N1) + end_N44[:, :3, 3] * phase_N1)


def interpolate_positions(position_T3: Array, times_s_T: Array, at_s_N: Array) -> Array:
    """Return the positions (N, 3) of the poses that `interpolate` returns."""
    before_N, after_N, phase_N1 = _between(times_s_T, at_s_N)
    return np.asarray(position_T3[before_N] * (1 - phase_N1) + position_T3[after_N] * phase_N1)


def _between(times_s_T: Array, at_s_N: Array) -> tuple[Rows, Rows, Array]:
    """Return the rows (N) before and after each moment, and how far it is from the one to the other (N, 1)."""
    after_N = np.clip(np.searchsorted(times_s_T, at_s_N), 1, max(len(times_s_T) - 1, 1))
    after_N = np.minimum(after_N, len(times_s_T) - 1)
    before_N = np.maximum(after_N - 1, 0)
    span_s_N = np.where(after_N > before_N, times_s_T[after_N] - times_s_T[before_N], 1.0)
    return before_N, after_N, np.clip((at_s_N - times_s_T[before_N]) / span_s_N, 0, 1)[:, None]
