"""Epipolar geometry: how far two views of the same points are from being possible.

Legend: N points; places in the picture are in pixels from its outer corner.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from cosmos_recipes.data.geometry.intrinsics import to_matrix, to_pixels
from cosmos_recipes.data.geometry.poses import invert
from cosmos_recipes.data.geometry.rotations import Array

SHORTEST_BASELINE_M = 1e-3
"""Two cameras that are nearer to each other than this see no parallax."""
FEWEST_MATCHES = 16
"""Matches that a fundamental matrix is estimated from, where the cameras are not known."""
_RANSAC_PX = 1.0


def fundamental(
    world_to_first_44: Array, world_to_second_44: Array, intrinsics_24: Array, *, height_px: int, width_px: int
) -> Array | None:
    """Return the fundamental matrix (3, 3), `second^T F first = 0`, of two known cameras; None without a baseline.

    R. Hartley and A. Zisserman, Multiple View Geometry, section 9.2.
    """
    relative_44 = world_to_second_44 @ invert(world_to_first_44)
    if np.linalg.norm(relative_44[:3, 3]) < SHORTEST_BASELINE_M:
        return None
    x, y, z = relative_44[:3, 3].tolist()
    essential_33 = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ relative_44[:3, :3]
    first_33, second_33 = to_matrix(to_pixels(intrinsics_24, width_px=width_px, height_px=height_px))
    return np.asarray(np.linalg.inv(second_33).T @ essential_33 @ np.linalg.inv(first_33))


def estimated_fundamental(first_N2: Array, second_N2: Array) -> Array | None:
    """Return the fundamental matrix that most matches agree on, by RANSAC; None where they are too few."""
    if len(first_N2) < FEWEST_MATCHES:
        return None
    cv2.setRNGSeed(0)
    found: Any = cv2.findFundamentalMat(first_N2, second_N2, cv2.FM_RANSAC, _RANSAC_PX, 0.99)[0]
    return None if found is None or found.shape != (3, 3) else np.asarray(found, np.float64)


def sampson_px(fundamental_33: Array, first_N2: Array, second_N2: Array) -> Array:
    """Return the Sampson distance (N,) of matches in pixels (Hartley and Zisserman, equation 11.9, its root)."""
    one_N1 = np.ones((len(first_N2), 1))
    first_N3, second_N3 = np.concatenate([first_N2, one_N1], 1), np.concatenate([second_N2, one_N1], 1)
    in_second_N3, in_first_N3 = first_N3 @ fundamental_33.T, second_N3 @ fundamental_33
    slope_N = np.hypot(*in_second_N3[:, :2].T) ** 2 + np.hypot(*in_first_N3[:, :2].T) ** 2
    return np.asarray(np.abs((second_N3 * in_second_N3).sum(1)) / np.sqrt(np.maximum(slope_N, 1e-18)))
