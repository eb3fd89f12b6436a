"""Intrinsics `(fx, fy, cx, cy)` of a pinhole camera, divided by the picture's width and height.

A point `(x, y, z)` of the camera's frame is seen at `(fx x / z + cx, fy y / z + cy)`, where `(0, 0)` is the outer corner
of the upper left pixel and `(1, 1)` that of the lower right one. The centre of pixel n is at `(n + 0.5) / width`. Scaling a
picture to another size, of the same aspect or not, therefore leaves its intrinsics as they are.
"""

from __future__ import annotations

import numpy as np

from cosmos_recipes.data.geometry.rotations import Array


def normalise(pixels_T4: Array, *, width_px: float, height_px: float) -> Array:
    """Return intrinsics (T, 4) of a picture of that size, given in pixels from its outer corner, normalised."""
    return np.asarray(pixels_T4 / np.array([width_px, height_px, width_px, height_px]), dtype=np.float64)


def to_pixels(intrinsics_T4: Array, *, width_px: float, height_px: float) -> Array:
    """Return the intrinsics (T, 4) in pixels of a picture of that size."""
    return np.asarray(intrinsics_T4 * np.array([width_px, height_px, width_px, height_px]), dtype=np.float64)


def from_matrix(matrix_T33: Array) -> Array:
    """Return `(fx, fy, cx, cy)` (T, 4) of camera matrices."""
    rows, columns = (0, 1, 0, 1), (0, 1, 2, 2)
    return np.asarray(matrix_T33[..., rows, columns], dtype=np.float64)


def to_matrix(intrinsics_T4: Array) -> Array:
    """Return the camera matrices (T, 3, 3)."""
    matrix_T33 = np.zeros((*intrinsics_T4.shape[:-1], 3, 3))
    matrix_T33[..., (0, 1, 0, 1), (0, 1, 2, 2)] = intrinsics_T4
    matrix_T33[..., 2, 2] = 1
    return matrix_T33


def crop(
    intrinsics_T4: Array, *, height: int, width: int, top_px: int, left_px: int, height_px: int, width_px: int
) -> Array:
    """Return the intrinsics (T, 4) of a part of `height_px` and `width_px` of a picture of `height` and `width`.

    `top_px` and `left_px` are where the part begins; negative ones, or a part larger than the picture, pad it.
    """
    pixels_T4 = to_pixels(intrinsics_T4, width_px=width, height_px=height) - np.array([0, 0, left_px, top_px])
    return normalise(pixels_T4, width_px=width_px, height_px=height_px)


def field_of_view_rad(intrinsics_T4: Array) -> Array:
    """Return the angles (T, 2) in rad from the left to the right edge of the picture and from the upper to the lower."""
    focal_T2, centre_T2 = intrinsics_T4[..., :2], intrinsics_T4[..., 2:]
    return np.asarray(np.arctan(centre_T2 / focal_T2) + np.arctan((1 - centre_T2) / focal_T2), dtype=np.float64)


def project(point_m_TN3: Array, intrinsics_T4: Array) -> Array:
    """Return where (T, N, 2) points of the camera's frame are seen; NaN for those not before the camera."""
    depth_TN1 = np.where(point_m_TN3[..., 2:] > 0, point_m_TN3[..., 2:], np.nan)
    centre_T12, focal_T12 = intrinsics_T4[..., None, 2:], intrinsics_T4[..., None, :2]
    return np.asarray(focal_T12 * point_m_TN3[..., :2] / depth_TN1 + centre_T12, dtype=np.float64)


def seen(point_m_TN3: Array, intrinsics_T4: Array) -> Array:
    """Return where (T, N, 2) points of the camera's frame are seen; NaN also for those outside of the picture."""
    uv_TN2 = project(point_m_TN3, intrinsics_T4)
    return np.where(((uv_TN2 >= 0) & (uv_TN2 <= 1)).all(-1, keepdims=True), uv_TN2, np.nan)
