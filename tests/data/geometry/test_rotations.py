"""If these fail, a model is trained on cameras and grippers that are turned another way than they were."""

from __future__ import annotations

from itertools import product
from typing import get_args

import numpy as np
import pytest
from drawn_poses import EXACT, Array, rotations, turn, vectors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cosmos_recipes.data.geometry import rotations as r
from cosmos_recipes.data.geometry.kinds import EulerKind, EulerOrder, QuaternionOrder

ORDERS = get_args(QuaternionOrder)
SEQUENCES = list(product(get_args(EulerOrder), get_args(EulerKind)))
quaternions = arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1)


@given(rotation=rotations(), order=st.sampled_from(ORDERS))
def test_a_rotation_comes_back_from_its_quaternion(rotation: Array, order: QuaternionOrder) -> None:
    quaternion = r.to_quaternion(rotation, order=order)
    assert np.linalg.norm(quaternion) == pytest.approx(1)
    np.testing.assert_allclose(r.from_quaternion(quaternion, order=order), rotation, atol=EXACT)


@given(quaternion=quaternions, order=st.sampled_from(ORDERS))
def test_both_quaternions_of_a_rotation_give_it_and_one_of_them_is_written(
    quaternion: Array, order: QuaternionOrder
) -> None:
    rotation, same = (r.from_quaternion(sign * quaternion, order=order) for sign in (1, -1))
    np.testing.assert_array_equal(rotation, same)
    written = r.to_quaternion(rotation, order=order)
    assert written[0 if order == "wxyz" else 3] >= -EXACT
    assert abs(written @ quaternion) / np.linalg.norm(quaternion) == pytest.approx(1)


def test_the_scalar_stands_where_it_is_declared() -> None:
    # A quarter turn about z, by hand.
    half = np.sqrt(0.5)
    np.testing.assert_allclose(r.from_quaternion([half, 0, 0, half], order="wxyz"), turn(2, np.pi / 2), atol=EXACT)
    np.testing.assert_allclose(r.from_quaternion([0, 0, half, half], order="xyzw"), turn(2, np.pi / 2), atol=EXACT)
    np.testing.assert_allclose(r.to_quaternion(turn(2, np.pi / 2), order="xyzw"), [0, 0, half, half], atol=EXACT)


@pytest.mark.parametrize(("order", "kind"), SEQUENCES)
def test_a_rotation_comes_back_from_its_euler_angles_also_in_gimbal_lock(order: EulerOrder, kind: EulerKind) -> None:
    @given(rotation=rotations())
    def holds(rotation: Array) -> None:
        angles = r.to_euler(rotation, order=order, kind=kind)
        np.testing.assert_allclose(r.from_euler(angles, order=order, kind=kind), rotation, atol=EXACT)

    holds()


@pytest.mark.parametrize(("order", "kind"), SEQUENCES)
def test_euler_angles_come_back_from_their_rotation(order: EulerOrder, kind: EulerKind) -> None:
    twice = order[0] == order[2]

    @given(outer=vectors(2, limit=3.1), middle=st.floats(0.1, 1.4))
    def holds(outer: Array, middle: float) -> None:
        angles = np.array([outer[0], middle * (2 if twice else 1), outer[1]])
        np.testing.assert_allclose(
            r.to_euler(r.from_euler(angles, order=order, kind=kind), order=order, kind=kind), angles, atol=1e-7
        )

    holds()


def test_roll_pitch_and_yaw_turn_about_the_fixed_axes_one_after_the_other() -> None:
    angles = np.array([0.3, -0.5, 1.1])
    fixed = turn(2, 1.1) @ turn(1, -0.5) @ turn(0, 0.3)
    np.testing.assert_allclose(r.from_euler(angles, order="xyz", kind="extrinsic"), fixed, atol=EXACT)
    np.testing.assert_allclose(r.from_euler(angles[::-1], order="zyx", kind="intrinsic"), fixed, atol=EXACT)


@given(rotation=rotations())
def test_a_rotation_comes_back_from_axis_and_angle_and_from_its_columns(rotation: Array) -> None:
    axis_angle = r.to_axis_angle(rotation)
    assert np.linalg.norm(axis_angle) <= np.pi + EXACT
    np.testing.assert_allclose(r.from_axis_angle(axis_angle), rotation, atol=EXACT)
    columns = r.to_rot6d(rotation)
    np.testing.assert_array_equal(columns, rotation.T[:2].ravel())
    np.testing.assert_allclose(r.from_rot6d(columns), rotation, atol=EXACT)


@given(columns=vectors(6, limit=1.0).filter(lambda c: np.linalg.norm(np.cross(c[:3], c[3:])) > 1e-2))
def test_any_two_columns_give_a_rotation_that_keeps_the_direction_of_the_first(columns: Array) -> None:
    rotation = r.from_rot6d(columns)
    assert r.deviation(rotation) < EXACT
    np.testing.assert_allclose(rotation[:, 0] * np.linalg.norm(columns[:3]), columns[:3], atol=EXACT)


@given(rotation=rotations(), noise=arrays(np.float64, (3, 3), elements=st.floats(-0.001, 0.001)))
def test_the_nearest_rotation_is_one_and_no_other_nearby_is_nearer(rotation: Array, noise: Array) -> None:
    matrix = rotation + noise
    nearest = r.nearest_rotation(matrix)
    assert r.deviation(nearest) < EXACT
    for axis, angle in product(range(3), (-0.001, 0.001)):
        other = turn(axis, angle) @ nearest
        assert np.linalg.norm(nearest - matrix) <= np.linalg.norm(other - matrix) + EXACT


def test_a_mirror_is_far_from_a_rotation() -> None:
    assert r.deviation(np.diag([1.0, 1.0, -1.0])) == 2


@given(rotation=rotations(), axis=st.integers(0, 2), angle=st.floats(-np.pi, np.pi))
def test_the_angle_between_two_rotations_is_that_of_the_turn_from_one_to_the_other(
    rotation: Array, axis: int, angle: float
) -> None:
    assert r.angle_between_rad(rotation, rotation @ turn(axis, angle)) == pytest.approx(abs(angle), abs=1e-8)


@given(many=st.lists(rotations(), min_size=1, max_size=4))
def test_many_at_once_are_the_same_as_one_by_one(many: list[Array]) -> None:
    stacked = np.array([many, many])
    written = r.to_quaternion(stacked, order="xyzw")
    assert written.shape == (2, len(many), 4)
    np.testing.assert_array_equal(written[1, 0], r.to_quaternion(many[0], order="xyzw"))
    np.testing.assert_array_equal(
        r.to_euler(stacked, order="zxy", kind="intrinsic")[0, -1], r.to_euler(many[-1], order="zxy", kind="intrinsic")
    )
