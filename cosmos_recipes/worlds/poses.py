"""Poses and pinhole cameras in one convention: metres, world z up, OpenCV cameras, intrinsics relative to the picture.

A pose is a 4x4 matrix that takes homogeneous points from one frame of reference to another. An OpenCV camera has x to
the right, y down and z forward. A vehicle has x forward, y left and z up.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_DECIMALS = 9


def camera_to_world(position_m: Any, yaw_rad: float, pitch_rad: float = 0.0) -> Array:
    """Return the pose (4, 4) of an upright camera; yaw is counter-clockwise from +x, pitch is positive upwards."""
    ahead = np.array(
        [math.cos(pitch_rad) * math.cos(yaw_rad), math.cos(pitch_rad) * math.sin(yaw_rad), math.sin(pitch_rad)]
    )
    right = np.array([math.sin(yaw_rad), -math.cos(yaw_rad), 0.0])
    pose_44 = np.eye(4)
    pose_44[:3, :3] = np.stack([right, np.cross(ahead, right), ahead], axis=1)
    pose_44[:3, 3] = position_m
    return pose_44


def looking_at(position_m: Any, target_m: Any) -> Array:
    """Return the camera-to-world pose (4, 4) of an upright camera at a position that looks at a target."""
    away_m = np.asarray(target_m, dtype=np.float64) - np.asarray(position_m, dtype=np.float64)
    level_m = math.hypot(away_m[0], away_m[1])
    return camera_to_world(position_m, math.atan2(away_m[1], away_m[0]), math.atan2(away_m[2], level_m))


def vehicle_to_world(position_m: Any, yaw_rad: float) -> Array:
    """Return the pose (4, 4) of a vehicle on level ground; yaw is counter-clockwise from +x."""
    pose_44 = np.eye(4)
    pose_44[:2, :2] = [[math.cos(yaw_rad), -math.sin(yaw_rad)], [math.sin(yaw_rad), math.cos(yaw_rad)]]
    pose_44[:3, 3] = position_m
    return pose_44


def inverted(pose_44: Array) -> Array:
    """Return the poses (..., 4, 4) the other way round, rounded so that every machine writes the same."""
    turn_33 = np.swapaxes(pose_44[..., :3, :3], -1, -2)
    result_44 = np.zeros_like(pose_44)
    result_44[..., :3, :3] = turn_33
    result_44[..., :3, 3] = -np.einsum("...ij,...j->...i", turn_33, pose_44[..., :3, 3])
    result_44[..., 3, 3] = 1.0
    return result_44.round(_DECIMALS) + 0.0


def intrinsics(view_rad: float, height_px: int, width_px: int) -> Array:
    """Return (fx, fy, cx, cy) as shares of width, height, width, height for square pixels.

    `view_rad` is the field of view across the shorter side of the picture.
    """
    focal_px = min(height_px, width_px) / 2 / math.tan(view_rad / 2)
    return np.array([focal_px / width_px, focal_px / height_px, 0.5, 0.5]).round(_DECIMALS)


def project(points_m_N3: Any, world_to_camera_44: Array, intrinsics_4: Any) -> tuple[Array, Array]:
    """Return where points are in the picture (N, 2), as shares of width and height, and their depths (N,) in metres."""
    points_m_N3 = np.asarray(points_m_N3, dtype=np.float64).reshape(-1, 3)
    camera_m_N3 = points_m_N3 @ world_to_camera_44[:3, :3].T + world_to_camera_44[:3, 3]
    focal, centre = np.asarray(intrinsics_4)[:2], np.asarray(intrinsics_4)[2:]
    return camera_m_N3[:, :2] / camera_m_N3[:, 2:] * focal + centre, camera_m_N3[:, 2]
