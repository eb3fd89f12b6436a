"""Rotations as matrices, quaternions, Euler angles, axis times angle, and the first two columns of the matrix.

A rotation matrix takes the coordinates of a vector in one frame to those in another: `vector_b = R @ vector_a`.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.data.geometry.kinds import EulerKind, EulerOrder, QuaternionOrder

Array: TypeAlias = NDArray[np.float64]

ROUNDING = 1e-14
"""How far a rotation in float64 may be from being one."""


def from_quaternion(quaternion_T4: Array, *, order: QuaternionOrder) -> Array:
    """Return rotations (T, 3, 3); q and -q give the same one. The length does not matter but must not be zero."""
    w, x, y, z = np.moveaxis(_unit(_scalar_first(quaternion_T4, order)), -1, 0)
    entries = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return np.stack(entries, axis=-1).reshape(*w.shape, 3, 3)


def to_quaternion(rotation_T33: Array, *, order: QuaternionOrder) -> Array:
    """Return unit quaternions (T, 4), of q and -q the one whose scalar (or else first number) is positive.

    A row of the matrix `4 q q^T`, which is linear in the rotation, is q up to its length; the row with the greatest
    diagonal entry is never near zero (S. W. Shepperd, Quaternion from rotation matrix, 1978).
    """
    r = np.moveaxis(np.asarray(rotation_T33, dtype=np.float64), (-2, -1), (0, 1))
    one = np.ones_like(r[0, 0])
    wx, wy, wz = r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]
    xy, xz, yz = r[0, 1] + r[1, 0], r[0, 2] + r[2, 0], r[1, 2] + r[2, 1]
    entries = [
        *(one + r[0, 0] + r[1, 1] + r[2, 2], wx, wy, wz),
        *(wx, one + r[0, 0] - r[1, 1] - r[2, 2], xy, xz),
        *(wy, xy, one - r[0, 0] + r[1, 1] - r[2, 2], yz),
        *(wz, xz, yz, one - r[0, 0] - r[1, 1] + r[2, 2]),
    ]
    outer_T44 = np.stack(entries, axis=-1).reshape(*one.shape, 4, 4)
    best_T = np.diagonal(outer_T44, axis1=-2, axis2=-1).argmax(axis=-1)
    unit_T4 = _unit(np.take_along_axis(outer_T44, best_T[..., None, None], axis=-2)[..., 0, :])
    leading_T1 = np.take_along_axis(unit_T4, (unit_T4 != 0).argmax(axis=-1)[..., None], axis=-1)
    unit_T4 = np.where(leading_T1 < 0, -unit_T4, unit_T4)
    return unit_T4 if order == "wxyz" else np.roll(unit_T4, -1, axis=-1)


def from_axis_angle(axis_angle_rad_T3: Array) -> Array:
    """Return rotations (T, 3, 3) about the direction of each vector by its length in rad."""
    vector_T3 = np.asarray(axis_angle_rad_T3, dtype=np.float64)
    angle_T1 = np.linalg.norm(vector_T3, axis=-1, keepdims=True)
    # np.sinc(x) is sin(pi x) / (pi x): it stays exact where the angle is zero.
    quaternion_T4 = np.concatenate([np.cos(angle_T1 / 2), vector_T3 * np.sinc(angle_T1 / (2 * np.pi)) / 2], axis=-1)
    return from_quaternion(quaternion_T4, order="wxyz")


def to_axis_angle(rotation_T33: Array) -> Array:
    """Return axis times angle (T, 3) in rad, the angle from 0 to pi."""
    quaternion_T4 = to_quaternion(rotation_T33, order="wxyz")
    scalar_T1, vector_T3 = quaternion_T4[..., :1], quaternion_T4[..., 1:]
    half_T1 = np.arctan2(np.linalg.norm(vector_T3, axis=-1, keepdims=True), scalar_T1)
    return np.asarray(2 * vector_T3 / np.sinc(half_T1 / np.pi), dtype=np.float64)


def from_euler(angles_rad_T3: Array, *, order: EulerOrder, kind: EulerKind) -> Array:
    """Return rotations (T, 3, 3): three turns about the axes in the order named, by the angles in that order.

    Roll, pitch and yaw are `xyz`, extrinsic: `R = Rz(yaw) Ry(pitch) Rx(roll)`.
    """
    angles_T3 = np.asarray(angles_rad_T3, dtype=np.float64)
    first, second, third = (_about("xyz".index(axis), angles_T3[..., n]) for n, axis in enumerate(order))
    product_T33 = third @ second @ first if kind == "extrinsic" else first @ second @ third
    return np.asarray(product_T33, dtype=np.float64)


def to_euler(rotation_T33: Array, *, order: EulerOrder, kind: EulerKind) -> Array:
    """Return the three angles (T, 3) in rad, the middle one from -pi/2 to pi/2, or 0 to pi if an axis comes twice.

    Where the middle angle makes the other two turn about one line (gimbal lock), any pair that gives the rotation.
    The first angle is read from the row of the last axis and undone, and the others from what is left, so the angles
    give the rotation to rounding everywhere.
    """
    turns = order if kind == "extrinsic" else order[::-1]
    i, j, k = ("xyz".index(axis) for axis in turns)
    n = 3 - j - k
    sign = 1 if (j - k) % 3 == 1 else -1
    row_T3 = rotation_T33[..., k, :]
    if i == n:
        first_T = np.arctan2(-sign * row_T3[..., j], row_T3[..., k])
    else:
        first_T = np.arctan2(row_T3[..., j], sign * row_T3[..., n])
    rest_T33 = rotation_T33 @ _about(i, -first_T)
    second_T = np.arctan2(sign * rest_T33[..., k, n], rest_T33[..., k, k])
    third_T = np.arctan2(sign * rest_T33[..., n, j], rest_T33[..., j, j])
    angles_T3 = np.stack([first_T, second_T, third_T], axis=-1)
    return angles_T3 if kind == "extrinsic" else angles_T3[..., ::-1]


def from_rot6d(rot6d_T6: Array) -> Array:
    """Return rotations (T, 3, 3) from first and second column, made orthonormal in this order by Gram-Schmidt.

    Y. Zhou et al., On the Continuity of Rotation Representations in Neural Networks, 2019, section 4.
    """
    columns_T6 = np.asarray(rot6d_T6, dtype=np.float64)
    x_T3, y_T3 = _unit(columns_T6[..., :3]), columns_T6[..., 3:]
    y_T3 = _unit(y_T3 - x_T3 * (x_T3 * y_T3).sum(axis=-1, keepdims=True))
    return np.stack([x_T3, y_T3, np.cross(x_T3, y_T3)], axis=-1)


def to_rot6d(rotation_T33: Array) -> Array:
    """Return the first column and then the second (T, 6)."""
    return np.concatenate([rotation_T33[..., 0], rotation_T33[..., 1]], axis=-1)


def nearest_rotation(matrix_T33: Array) -> Array:
    """Return the rotations (T, 3, 3) with the least sum of squared differences from matrices that almost are rotations.

    Newton and Schulz's iteration towards the polar factor (N. Higham, SIAM J. Sci. Stat. Comput. 7, 1986), which squares
    the deviation each time: three times bring one of 1e-2 below rounding, where rotations written in full are at once.
    """
    rotation_T33 = np.asarray(matrix_T33, dtype=np.float64)
    for _ in range(3):
        product_T33 = np.swapaxes(rotation_T33, -1, -2) @ rotation_T33
        if np.abs(product_T33 - np.eye(3)).max(initial=0) < ROUNDING:
            break
        rotation_T33 = rotation_T33 @ (1.5 * np.eye(3) - 0.5 * product_T33)
    return rotation_T33


def angle_between_rad(rotation_T33: Array, other_T33: Array) -> Array:
    """Return the angle (T,) in rad, from 0 to pi, of the turn from one rotation to the other."""
    turn_T3 = to_axis_angle(np.swapaxes(rotation_T33, -1, -2) @ other_T33)
    return np.asarray(np.linalg.norm(turn_T3, axis=-1), dtype=np.float64)


def deviation(matrix_T33: Array) -> Array:
    """Return how far (T,) each matrix is from a rotation: greatest entry of `M M^T - 1`, 2 if it mirrors."""
    product_T33 = matrix_T33 @ np.swapaxes(matrix_T33, -1, -2)
    mirrors_T = _determinant(matrix_T33) < 0
    return np.where(mirrors_T, 2.0, np.abs(product_T33 - np.eye(3)).max(axis=(-2, -1)))


def _determinant(matrix_T33: Array) -> Array:
    """Return the determinants (T,), several times sooner than a decomposition of each matrix."""
    (a, b, c), (d, e, f), (g, h, i) = np.moveaxis(matrix_T33, (-2, -1), (0, 1))
    return np.asarray(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g), dtype=np.float64)


def _about(axis: int, angle_rad_T: Array) -> Array:
    return from_axis_angle(angle_rad_T[..., None] * np.eye(3)[axis])


def _scalar_first(quaternion_T4: Array, order: QuaternionOrder) -> Array:
    quaternion_T4 = np.asarray(quaternion_T4, dtype=np.float64)
    return quaternion_T4 if order == "wxyz" else np.roll(quaternion_T4, 1, axis=-1)


def _unit(vector_TN: Array) -> Array:
    return np.asarray(vector_TN / np.linalg.norm(vector_TN, axis=-1, keepdims=True), dtype=np.float64)
