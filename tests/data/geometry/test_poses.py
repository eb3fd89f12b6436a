"""If these fail, cameras and vehicles are somewhere else than their recordings say."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_poses import Array, paths, poses, rotations, turn, vectors
from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.data.geometry import poses as p
from cosmos_recipes.data.geometry.kinds import Axes
from cosmos_recipes.data.geometry.rotations import angle_between_rad

METRES = 1e-8
"""Rounding of products of translations of kilometres, as positions of hundreds of metres are taken apart."""


@given(path=paths(at_least=1))
def test_a_pose_and_its_inverse_cancel(path: Array) -> None:
    np.testing.assert_allclose(p.invert(path) @ path, np.broadcast_to(np.eye(4), path.shape), atol=METRES)
    np.testing.assert_allclose(p.invert(p.invert(path)), path, atol=METRES)


@given(path=paths(), point=vectors(3))
def test_points_go_to_the_frame_that_the_pose_leads_to(path: Array, point: Array) -> None:
    moved = p.transform(path, point[None])
    np.testing.assert_allclose(moved[-1, 0], path[-1, :3, :3] @ point + path[-1, :3, 3], atol=METRES)


# A point one metre before a camera or vehicle, two to its right and three above, by hand.
SEEN: dict[Axes, list[float]] = {
    "opencv": [2, -3, 1],
    "opengl": [2, 3, -1],
    "waymo": [1, -2, 3],
    "flu": [1, -2, 3],
    "frd": [1, 2, -3],
    "rdf": [2, -3, 1],
}


@pytest.mark.parametrize("source", SEEN)
@pytest.mark.parametrize("target", SEEN)
def test_axes_name_the_same_point_by_other_numbers(source: Axes, target: Axes) -> None:
    np.testing.assert_array_equal(p.axes_rotation(source, target) @ SEEN[source], SEEN[target])


@given(pose=poses(), source=st.sampled_from(list(SEEN)), target=st.sampled_from(list(SEEN)))
def test_a_point_stays_where_it_is_when_axes_are_changed(pose: Array, source: Axes, target: Axes) -> None:
    changed = p.change_axes(pose, source=source, target=target, to_world=True)
    np.testing.assert_allclose(
        p.transform(changed, np.array([SEEN[target]])), p.transform(pose, np.array([SEEN[source]])), atol=METRES
    )
    back = p.change_axes(p.invert(pose), source=source, target=target, to_world=False)
    np.testing.assert_allclose(back, p.invert(changed), atol=METRES)


@given(path=paths(), world=poses(), to_world=st.booleans())
def test_relative_to_the_first_moment_nothing_of_the_world_is_left(path: Array, world: Array, to_world: bool) -> None:
    elsewhere = world @ path if to_world else path @ world
    relative = p.relative_to_first(path, to_world=to_world)
    np.testing.assert_allclose(relative[0], np.eye(4), atol=1e-12)
    np.testing.assert_allclose(p.relative_to_first(elsewhere, to_world=to_world), relative, atol=METRES)
    if not to_world:
        np.testing.assert_allclose(relative, path @ np.linalg.inv(path[0]), atol=METRES)


def test_a_drive_along_a_meridian_of_the_earth_becomes_one_straight_ahead() -> None:
    """A kilometre northwards on the equator at longitude 0: there north is the Earth's z, and up is its x."""
    radius_m = 6_378_137.0
    angle = np.linspace(0, 1000 / radius_m, 5)
    zero = np.zeros_like(angle)
    forward, up = (
        np.stack(v, -1) for v in ((-np.sin(angle), zero, np.cos(angle)), (np.cos(angle), zero, np.sin(angle)))
    )
    ego_to_earth = p.assemble(np.stack([forward, np.cross(up, forward), up], axis=-1), radius_m * up)
    local = p.relative_to_first(ego_to_earth, to_world=True)[:, :3, 3]
    drop = radius_m * (np.cos(angle) - 1)
    np.testing.assert_allclose(local, np.stack([radius_m * np.sin(angle), zero, drop], -1), atol=METRES)


def test_the_greatest_distance_is_between_positions_of_the_camera() -> None:
    camera_to_world = p.assemble(np.array([turn(2, angle) for angle in (0, 1, 2)]), np.diag([3.0, 4.0, 0.0]))
    assert p.greatest_distance_m(p.invert(camera_to_world)) == pytest.approx(5)


@given(rotation=rotations(), turned=st.floats(-3, 3), phase=st.floats(0, 1), shift=vectors(3))
def test_between_two_poses_speed_and_turning_are_constant(
    rotation: Array, turned: float, phase: float, shift: Array
) -> None:
    path = p.assemble(np.array([rotation, rotation @ turn(1, turned)]), np.array([shift, shift + 2]))
    (between,) = p.interpolate(path, np.array([5.0, 7.0]), np.array([5 + 2 * phase]))
    assert angle_between_rad(rotation, between[:3, :3]) == pytest.approx(abs(turned) * phase, abs=1e-7)
    np.testing.assert_allclose(between[:3, 3], shift + 2 * phase, atol=METRES)


@given(path=paths(at_least=1))
def test_interpolation_at_the_times_of_the_poses_gives_them_and_outside_the_nearest(path: Array) -> None:
    times = np.cumsum(np.linspace(0.1, 0.3, len(path)))
    moments = np.array([times[0] - 1, *times, times[-1] + 1])
    np.testing.assert_allclose(
        p.interpolate(path, times, moments), np.concatenate([path[:1], path, path[-1:]]), atol=METRES
    )
