"""If these fail, a data set's poses or intrinsics are read another way than its file declares, without a word."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest
from drawn_poses import Array, intrinsics, paths, turn
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cosmos_recipes.data.geometry import INTRINSICS_PRESETS, POSE_PRESETS, IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.geometry import kinds as k
from cosmos_recipes.data.geometry.poses import assemble, invert
from cosmos_recipes.diagnostics import RecipeError


def rotation_settings(form: str) -> Iterator[dict[str, str]]:
    """Every way to declare the rotation of a form."""
    match form:
        case "position-quaternion":
            yield from ({"quaternion_order": order} for order in get_args(k.QuaternionOrder))
        case "position-euler":
            for order, kind, unit in product(get_args(k.EulerOrder), get_args(k.EulerKind), get_args(k.AngleUnit)):
                yield {"euler_order": order, "euler_kind": kind, "angle_unit": unit}
        case "position-axis-angle":
            yield from ({"angle_unit": unit} for unit in get_args(k.AngleUnit))
        case _:
            yield {}


def every_convention() -> Iterator[PoseConvention]:
    for form, direction, unit in product(get_args(k.PoseForm), get_args(k.Direction), get_args(k.LengthUnit)):
        all_axes = [None] if direction == "end-effector-to-base" else get_args(k.Axes)
        for axes, rotation in product(all_axes, rotation_settings(form)):
            yield PoseConvention(form=form, direction=direction, length_unit=unit, axes=axes, **rotation)


CONVENTIONS = list(every_convention())


@pytest.mark.parametrize("direction", get_args(k.Direction))
@pytest.mark.parametrize("form", get_args(k.PoseForm))
def test_poses_come_back_through_every_convention(form: str, direction: str) -> None:
    conventions = [c for c in CONVENTIONS if (c.form, c.direction) == (form, direction)]

    @settings(max_examples=3, deadline=None)
    @given(path=paths(at_most=3))
    def holds(path: Array) -> None:
        for convention in conventions:
            values = convention.from_canonical(path)
            np.testing.assert_allclose(convention.to_canonical(values), path, atol=1e-8)
            # Numbers of the source come back too, where a rotation is written in one way alone.
            again = convention.from_canonical(convention.to_canonical(values))
            if "euler" not in form and "axis-angle" not in form and "quaternion" not in form:
                np.testing.assert_allclose(again, values, rtol=1e-9, atol=1e-5)

    holds()


def test_a_convention_that_forgets_or_adds_a_choice_is_refused() -> None:
    camera: dict[str, Any] = {"direction": "camera-to-world", "axes": "opencv"}
    for wrong, named in (
        ({"form": "position-quaternion", **camera}, "needs `quaternion_order`"),
        ({"form": "position-euler", "euler_order": "xyz", "euler_kind": "extrinsic", **camera}, "needs `angle_unit`"),
        ({"form": "matrix-4x4", "angle_unit": "rad", **camera}, "has no `angle_unit`"),
        ({"form": "matrix-4x4", "direction": "ego-to-world"}, "needs `axes`"),
        ({"form": "matrix-4x4", "direction": "end-effector-to-base", "axes": "flu"}, "has no `axes`"),
        ({"form": "matrix-4x4", "handedness": "left", **camera}, "Extra inputs"),
    ):
        with pytest.raises(ValidationError, match=named):
            PoseConvention(**wrong)


# A camera 2 m above the origin, 5 m before it (y) and looking back to it: x of the picture is the world's -x, by hand.
LOOKING_BACK = np.array([[-1.0, 0, 0, 0], [0, 0, -1, 2], [0, -1, 0, 5], [0, 0, 0, 1]])


def test_realestate10k_and_cosmos_are_rows_of_a_world_to_camera_matrix() -> None:
    row = [-1, 0, 0, 0, 0, 0, -1, 2, 0, -1, 0, 5]
    for name in ("realestate10k", "cosmos"):
        pose = POSE_PRESETS[name].to_canonical([row])[0]
        np.testing.assert_array_equal(pose, LOOKING_BACK)
        np.testing.assert_allclose(pose @ [0, 0, 0, 1], [0, 2, 5, 1])


def test_nerfstudio_is_camera_to_world_with_z_towards_the_viewer() -> None:
    # Columns: the picture's right, up, and back, and where the camera is.
    matrix = [[-1, 0, 0, 0], [0, 0, 1, 5], [0, 1, 0, 2], [0, 0, 0, 1]]
    np.testing.assert_array_equal(POSE_PRESETS["nerfstudio"].to_canonical(matrix), LOOKING_BACK)


def test_waymo_cameras_look_along_their_x() -> None:
    # Columns: the camera's forward, left and up, and where it is. It looks along the vehicle's -y.
    matrix = [[0, 1, 0, 0], [-1, 0, 0, 5], [0, 0, 1, 2], [0, 0, 0, 1]]
    np.testing.assert_array_equal(POSE_PRESETS["waymo"].to_canonical(matrix), LOOKING_BACK)
    np.testing.assert_array_equal(POSE_PRESETS["waymo-ego"].to_canonical(matrix), matrix)


def test_nuscenes_has_the_scalar_of_its_quaternion_first() -> None:
    # Half a turn about the line between y and -z takes x to -x, y to -z and z to -y.
    half = np.sqrt(0.5)
    row = [0, 5, 2, 0, 0, half, -half]
    np.testing.assert_allclose(POSE_PRESETS["nuscenes"].to_canonical(row), LOOKING_BACK, atol=1e-12)
    ahead = POSE_PRESETS["nuscenes-ego"].to_canonical([10, 20, 0, half, 0, 0, half])
    np.testing.assert_allclose(ahead @ [1, 0, 0, 1], [10, 21, 0, 1], atol=1e-12)


def test_comma2k19_vehicles_have_y_to_the_right_and_z_down() -> None:
    # Without a turn the vehicle's forward, right and down are the Earth's x, y and z; 3 m to its left is -3 in y.
    pose = POSE_PRESETS["comma2k19"].to_canonical([6.4e6, 0, 0, 1, 0, 0, 0])
    np.testing.assert_allclose(pose @ [1, 3, 0, 1], [6.4e6 + 1, -3, 0, 1])


def test_bridge_has_roll_pitch_and_yaw_about_the_axes_of_the_base() -> None:
    pose = POSE_PRESETS["bridge"].to_canonical([0.3, 0.1, 0.2, 0.4, -0.2, 1.5])
    np.testing.assert_allclose(pose[:3, :3], turn(2, 1.5) @ turn(1, -0.2) @ turn(0, 0.4), atol=1e-12)
    np.testing.assert_array_equal(pose[:3, 3], [0.3, 0.1, 0.2])


def test_units_are_declared() -> None:
    settings = {"form": "position-euler", "euler_order": "zyx", "euler_kind": "intrinsic", "angle_unit": "deg"}
    convention = PoseConvention(direction="ego-to-world", axes="flu", length_unit="cm", **settings)
    pose = convention.to_canonical([250, 0, 0, 90, 0, 0])
    np.testing.assert_allclose(pose, assemble(turn(2, np.pi / 2), np.array([2.5, 0, 0])), atol=1e-12)


TRANSPOSED = assemble(turn(2, 1.0), np.array([1.0, 2.0, 3.0])).T


@pytest.mark.parametrize(
    ("name", "values", "code", "named"),
    [
        ("nerfstudio", np.zeros((3, 3, 4)), "CR560", "matrix-4x4"),
        ("cosmos", [["a"] * 12], "CR560", "row-12"),
        ("nerfstudio", np.array([np.eye(4), TRANSPOSED]), "CR561", "last row .* at row 1"),
        ("nerfstudio", np.array([np.eye(4), np.diag([2.0, 2, 2, 1])]), "CR561", "scales.* at row 1"),
        ("nerfstudio", np.diag([1.0, 1, -1, 1]), "CR561", "mirrors"),
        ("cosmos", [[np.nan] * 12], "CR561", "not finite, at row 0"),
        ("nuscenes", [[0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]], "CR561", "quaternion .* at row 1"),
    ],
)
def test_what_is_no_pose_is_named_by_row(name: str, values: Any, code: str, named: str) -> None:
    with pytest.raises(RecipeError, match=f"{code}: .*{named}"):
        POSE_PRESETS[name].to_canonical(values)


def test_columns_that_are_none_are_refused() -> None:
    convention = PoseConvention(form="position-rot6d", direction="end-effector-to-base")
    with pytest.raises(RecipeError, match="CR561"):
        convention.to_canonical([0, 0, 0, 1, 0, 0, 1, 0, 0])


def test_numbers_rounded_in_a_text_file_give_an_exact_rotation() -> None:
    row = np.round(np.concatenate([turn(2, 0.7) @ turn(0, 0.2), [[1], [2], [3]]], axis=1), 5).reshape(12)
    pose = POSE_PRESETS["cosmos"].to_canonical(row)
    np.testing.assert_allclose(invert(pose) @ pose, np.eye(4), atol=1e-14)


INTRINSICS = [
    IntrinsicsConvention(form=form, unit="pixels", pixel_origin=origin, **size)
    for form, origin, size in product(
        ("row-4", "matrix-3x3"), ("corner", "centre"), ({}, {"width_px": 1280, "height_px": 960})
    )
] + [IntrinsicsConvention(form=form, unit="normalised") for form in ("row-4", "matrix-3x3")]


@given(values=intrinsics, convention=st.sampled_from(INTRINSICS))
def test_intrinsics_come_back_through_every_convention(values: Array, convention: IntrinsicsConvention) -> None:
    size = {"width_px": 640, "height_px": 480}
    written = convention.from_canonical(np.array([values, values]), **size)
    np.testing.assert_allclose(convention.to_canonical(written, **size)[1], values, atol=1e-12)


def test_intrinsics_of_known_data_sets_by_hand() -> None:
    known = [1.0, 4 / 3, 0.5, 0.5]
    np.testing.assert_allclose(INTRINSICS_PRESETS["realestate10k"].to_canonical([known]), [known])
    matrix = [[640, 0, 320], [0, 640, 240], [0, 0, 1]]
    for name, values in (("nerfstudio", [640, 640, 320, 240]), ("nuscenes", matrix)):
        np.testing.assert_allclose(INTRINSICS_PRESETS[name].to_canonical(values, width_px=640, height_px=480), known)


def test_the_size_that_pixels_are_counted_in_goes_before_that_of_the_video() -> None:
    convention = IntrinsicsConvention(form="row-4", unit="pixels", width_px=1280, height_px=960)
    found = convention.to_canonical([1280, 1280, 640, 480], width_px=320, height_px=240)
    np.testing.assert_allclose(found, [1, 4 / 3, 0.5, 0.5])


def test_the_middle_of_a_picture_is_half_a_pixel_further_from_the_centre_of_its_first_pixel() -> None:
    convention = IntrinsicsConvention(form="row-4", unit="pixels", pixel_origin="centre")
    found = convention.to_canonical([640, 640, 319.5, 239.5], width_px=640, height_px=480)
    np.testing.assert_allclose(found[2:], 0.5)


@pytest.mark.parametrize(
    ("convention", "values", "size"),
    [
        ({"form": "row-4", "unit": "normalised"}, [512.0, 512, 320, 240], {}),
        ({"form": "row-4", "unit": "pixels"}, [0.8, 1.1, 0.5, 0.5], {"width_px": 640, "height_px": 480}),
        ({"form": "row-4", "unit": "pixels"}, [512.0, 512, 320, 240], {}),
        ({"form": "matrix-3x3", "unit": "normalised"}, [[1, 0.1, 0.5], [0, 1, 0.5], [0, 0, 1]], {}),
        ({"form": "matrix-3x3", "unit": "normalised"}, [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 1]], {}),
    ],
    ids=["pixels", "normalised", "no size", "skew", "transposed"],
)
def test_intrinsics_in_another_unit_than_declared_are_refused(convention: Any, values: Any, size: Any) -> None:
    with pytest.raises(RecipeError, match="CR562"):
        IntrinsicsConvention(**convention).to_canonical(values, **size)


def test_conventions_can_be_checked_without_numpy() -> None:
    """The compiler reads data set files, and has to stay quick."""
    code = "import sys, cosmos_recipes.data.geometry; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_row_of_twelve_may_come_as_the_matrix_that_it_is() -> None:
    rows_T12 = np.tile(np.eye(4)[:3].ravel(), (2, 1))
    rows_T12[1, 3] = 5.0
    convention = POSE_PRESETS["realestate10k"]
    np.testing.assert_array_equal(convention.to_canonical(rows_T12.reshape(2, 3, 4)), convention.to_canonical(rows_T12))
