"""If these fail, a camera sees another part of the world than the frames that the model is trained on show."""

from __future__ import annotations

import numpy as np
import torch
from drawn_poses import Array, intrinsics
from hypothesis import given
from hypothesis import strategies as st
from videos import found_in

from cosmos_recipes.data.decode.fitting import fitting
from cosmos_recipes.data.geometry import intrinsics as k
from cosmos_recipes.data.geometry.cover import cover

sizes = st.integers(16, 200)
points = st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.5, 3)).map(np.array)


@given(values=intrinsics, width=sizes, height=sizes)
def test_pixels_and_camera_matrices_come_back(values: Array, width: int, height: int) -> None:
    pixels = k.to_pixels(values, width_px=width, height_px=height)
    np.testing.assert_allclose(k.normalise(pixels, width_px=width, height_px=height), values)
    np.testing.assert_array_equal(k.from_matrix(k.to_matrix(values[None]))[0], values)


@given(values=intrinsics, point=points)
def test_the_camera_matrix_projects_to_the_same_place(values: Array, point: Array) -> None:
    x, y, z = k.to_matrix(values) @ point
    np.testing.assert_allclose(k.project(point[None], values)[0], [x / z, y / z], atol=1e-12)


def test_points_behind_the_camera_are_not_seen() -> None:
    seen = k.project(np.array([[0.0, 0, 1], [0.0, 0, -1], [0.0, 0, 0]]), np.array([1, 1, 0.5, 0.5]))
    np.testing.assert_array_equal(seen, [[0.5, 0.5], [np.nan, np.nan], [np.nan, np.nan]])


def ramp(height: int, width: int) -> torch.Tensor:
    """A picture whose two colours say where each pixel's centre was."""
    rows, columns = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None].double()


# Antialiasing looks past the picture's edge near it, so that a pixel there does not say where it came from.
middle = st.floats(0.3, 0.7)


@given(
    values=intrinsics,
    seen=st.tuples(middle, middle).map(np.array),
    source=st.tuples(sizes, sizes),
    target=st.tuples(sizes, sizes),
    pixel_aspect=st.sampled_from([1.0, 4 / 3, 0.9]),
)
def test_a_point_lands_on_the_pixel_that_fitting_moves_its_pixel_to(
    values: Array, seen: Array, source: tuple[int, int], target: tuple[int, int], pixel_aspect: float
) -> None:
    height, width = target
    fit = fitting(found_in(*source, pixel_aspect=pixel_aspect), height_px=height, width_px=width)
    fitted = k.crop(
        values,
        height=fit.scaled_height_px,
        width=fit.scaled_width_px,
        top_px=fit.top_px,
        left_px=fit.left_px,
        height_px=height,
        width_px=width,
    )
    point = np.append((seen - fitted[2:]) / fitted[:2], 1)
    row, column = seen[::-1] * target - 0.5
    shown = fit(ramp(*source))[0].numpy()
    before = k.project(point[None], values)[0, ::-1] * source
    # A ramp scaled up stays one; scaled down, antialiasing bends it by parts of a pixel.
    scaled = cover(*source, height_px=height, width_px=width, pixel_aspect=pixel_aspect)
    rounding = np.where(np.array(scaled[:2]) < source, 0.1, 1e-6)
    assert (np.abs(between_pixels(shown, row, column) - before) < rounding).all()


def between_pixels(picture: Array, row: float, column: float) -> Array:
    """Colours between the centres of four pixels."""
    top, left = int(row), int(column)
    across = picture[:, top : top + 2, left : left + 2] @ [1 - (column - left), column - left]
    return across @ [1 - (row - top), row - top]


@given(values=intrinsics, point=points, part=st.tuples(*[st.integers(-20, 20)] * 2, *[sizes] * 2))
def test_cropping_and_padding_move_pixels_by_where_the_part_begins(
    values: Array, point: Array, part: tuple[int, int, int, int]
) -> None:
    top, left, height, width = part
    cropped = k.crop(values, height=90, width=160, top_px=top, left_px=left, height_px=height, width_px=width)
    before, after = (k.project(point[None], each)[0] for each in (values, cropped))
    np.testing.assert_allclose(after * [width, height], before * [160, 90] - [left, top], atol=1e-9)


def test_field_of_view_by_hand() -> None:
    np.testing.assert_allclose(k.field_of_view_rad(np.array([0.5, 0.5, 0.5, 0.0])), [np.pi / 2, np.arctan(2)])


def test_what_is_outside_of_the_picture_or_behind_is_not_seen() -> None:
    points_m_N3 = np.array([(0.0, 0.0, 1.0), (2.0, 0.0, 1.0), (0.0, 0.0, -1.0)])
    uv_N2 = k.seen(points_m_N3, np.array([0.5, 0.5, 0.5, 0.5]))
    np.testing.assert_equal(uv_N2, [(0.5, 0.5), (np.nan, np.nan), (np.nan, np.nan)])
