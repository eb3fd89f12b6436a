"""The numbers of a source as poses of 4x4 and intrinsics, checked on the way in, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.geometry import intrinsics, rotations
from cosmos_recipes.data.geometry.poses import METRES_PER, assemble
from cosmos_recipes.data.geometry.rotations import Array
from cosmos_recipes.diagnostics import fail

if TYPE_CHECKING:
    from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention

TOLERANCE = 1e-3
"""How far a rotation or a unit quaternion may be from being one, as numbers in text files are rounded."""
FOCAL_LENGTHS = (0.05, 50.0)
"""Focal lengths divided by the picture's size that can be: fields of view of 169 and of 1 degree."""
POSE_SHAPES: dict[str, tuple[int, ...]] = {
    "matrix-3x4": (3, 4),
    "matrix-4x4": (4, 4),
    "row-12": (12,),
    "position-quaternion": (7,),
    "position-euler": (6,),
    "position-axis-angle": (6,),
    "position-rot6d": (9,),
}
INTRINSICS_SHAPES: dict[str, tuple[int, ...]] = {"row-4": (4,), "matrix-3x3": (3, 3)}


def read_poses(values: Any, convention: PoseConvention) -> Array:
    """Return poses (T, 4, 4) in the source's own direction and axes, in metres.

    Raises:
        RecipeError: the values have another shape (CR560), or are no poses (CR561).
    """
    rows = np.asarray(values)
    if convention.form == "row-12" and rows.shape[-2:] == POSE_SHAPES["matrix-3x4"]:
        # A source may have put the row into the matrix that it is.
        rows = rows.reshape(*rows.shape[:-2], 12)
    array = _numbers(rows, POSE_SHAPES[convention.form], f"{convention.form} poses")
    if convention.form.startswith("position-"):
        translation_T3, rotation_T33 = array[..., :3], _read_rotation(array[..., 3:], convention)
    else:
        matrix = array.reshape(*array.shape[:-1], 3, 4) if convention.form == "row-12" else array
        last_row_T4 = matrix[..., 3:, :]
        _require(
            np.abs(last_row_T4 - np.array([0, 0, 0, 1])).max(axis=(-2, -1), initial=0) <= TOLERANCE,
            "the last row of the matrix is not 0 0 0 1",
            "a matrix with the translation in its last column; transpose it if that is in the last row",
        )
        translation_T3, rotation_T33 = matrix[..., :3, 3], _checked_rotation(matrix[..., :3, :3])
    return assemble(rotation_T33, translation_T3 * METRES_PER[convention.length_unit])


def write_poses(pose_T44: Array, convention: PoseConvention) -> Array:
    """Return poses in the source's own direction and axes, in metres, as the numbers that the source has for them."""
    rotation_T33, translation_T3 = pose_T44[..., :3, :3], pose_T44[..., :3, 3] / METRES_PER[convention.length_unit]
    if convention.form.startswith("position-"):
        return np.concatenate([translation_T3, _write_rotation(rotation_T33, convention)], axis=-1)
    matrix_T44 = assemble(rotation_T33, translation_T3)
    if convention.form == "matrix-4x4":
        return matrix_T44
    return matrix_T44[..., :3, :].reshape(*matrix_T44.shape[:-2], *POSE_SHAPES[convention.form])


def read_intrinsics(values: Any, convention: IntrinsicsConvention, *, width_px: float, height_px: float) -> Array:
    """Return normalised intrinsics (T, 4).

    Raises:
        RecipeError: the values have another shape (CR560), or are no intrinsics in the unit declared (CR562).
    """
    array = _numbers(values, INTRINSICS_SHAPES[convention.form], f"{convention.form} intrinsics")
    if convention.form == "matrix-3x3":
        _require(
            (array[..., (0, 1, 2, 2), (1, 0, 0, 1)] == 0).all(axis=-1),
            "the camera matrix has a skew, or is transposed",
            "fx 0 cx, 0 fy cy, 0 0 1",
            code="CR562",
        )
        array = intrinsics.from_matrix(array)
    if convention.unit == "pixels":
        array = array + np.array([0, 0, 1, 1]) * _origin_px(convention)
        array = intrinsics.normalise(array, width_px=width_px, height_px=height_px)
    shortest, longest = FOCAL_LENGTHS
    _require(
        ((array[..., :2] > shortest) & (array[..., :2] < longest)).all(axis=-1),
        f"the focal lengths give no possible field of view, read as {convention.unit}",
        "`unit: pixels` or `unit: normalised`, whichever the numbers are in",
        code="CR562",
    )
    return array


def write_intrinsics(
    intrinsics_T4: Array, convention: IntrinsicsConvention, *, width_px: float, height_px: float
) -> Array:
    """Return normalised intrinsics as the numbers that the source has for them."""
    array = intrinsics_T4
    if convention.unit == "pixels":
        array = intrinsics.to_pixels(array, width_px=width_px, height_px=height_px)
        array = array - np.array([0, 0, 1, 1]) * _origin_px(convention)
    return intrinsics.to_matrix(array) if convention.form == "matrix-3x3" else array


def _read_rotation(numbers: Array, convention: PoseConvention) -> Array:
    angle = np.pi / 180 if convention.angle_unit == "deg" else 1.0
    if convention.quaternion_order:
        off_T = np.abs(np.linalg.norm(numbers, axis=-1) - 1)
        _require(off_T <= TOLERANCE, "the quaternion has not the length 1", "a unit quaternion after the position")
        return rotations.from_quaternion(numbers, order=convention.quaternion_order)
    if convention.euler_order and convention.euler_kind:
        return rotations.from_euler(numbers * angle, order=convention.euler_order, kind=convention.euler_kind)
    if convention.form == "position-axis-angle":
        return rotations.from_axis_angle(numbers * angle)
    columns_T23 = numbers.reshape(*numbers.shape[:-1], 2, 3)
    off_T22 = np.abs(columns_T23 @ np.swapaxes(columns_T23, -1, -2) - np.eye(2))
    _require(
        off_T22.max(axis=(-2, -1)) <= TOLERANCE,
        "the last six numbers are not two columns of a rotation",
        "the first column of the rotation matrix and then the second, after the position",
    )
    return rotations.from_rot6d(numbers)


def _write_rotation(rotation_T33: Array, convention: PoseConvention) -> Array:
    angle = np.pi / 180 if convention.angle_unit == "deg" else 1.0
    if convention.quaternion_order:
        return rotations.to_quaternion(rotation_T33, order=convention.quaternion_order)
    if convention.euler_order and convention.euler_kind:
        return rotations.to_euler(rotation_T33, order=convention.euler_order, kind=convention.euler_kind) / angle
    if convention.form == "position-axis-angle":
        return rotations.to_axis_angle(rotation_T33) / angle
    return rotations.to_rot6d(rotation_T33)


def _checked_rotation(matrix_T33: Array) -> Array:
    off_T = rotations.deviation(matrix_T33)
    _require(
        off_T <= TOLERANCE,
        "the matrix is not a rotation: it scales, shears or mirrors",
        "three columns of length 1 at right angles, right-handed",
    )
    return rotations.nearest_rotation(matrix_T33)


def _numbers(values: Any, shape: tuple[int, ...], what: str) -> Array:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.shape[-len(shape) :] != shape:
        fail(
            "CR560",
            f"these are not {what}",
            expected="numbers of the shape (…, " + ", ".join(map(str, shape)) + ")",
            found=f"{array.dtype} of the shape {array.shape}",
            hint="declare the `form` that the numbers have",
        )
    numbers = array.astype(np.float64)
    inner = tuple(range(-len(shape), 0))
    _require(np.isfinite(numbers).all(axis=inner), "there is a number that is not finite", "finite numbers")
    return numbers


def _require(holds_T: Any, message: str, expected: str, *, code: str = "CR561") -> None:
    if not np.all(holds_T):
        first = ", ".join(str(index) for index in np.argwhere(~np.asarray(holds_T))[0])
        fail(code, f"{message}, at row {first}" if first else message, expected=expected)


def _origin_px(convention: IntrinsicsConvention) -> float:
    return 0.5 if convention.pixel_origin == "centre" else 0.0
