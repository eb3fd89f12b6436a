"""If these fail, a trajectory head is told that a vehicle will be where it will not."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_poses import Array, poses, turn
from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.data.geometry.poses import assemble
from cosmos_recipes.data.geometry.trajectories import future_points

TIMES_S = np.arange(0, 10.05, 0.1)


def circle(radius_m: float, speed_m_s: float) -> Array:
    """A vehicle that turns left in a circle."""
    heading = speed_m_s / radius_m * TIMES_S
    centre = np.stack([radius_m * np.sin(heading), radius_m * (1 - np.cos(heading)), 0 * heading], axis=-1)
    return assemble(np.array([turn(2, angle) for angle in heading]), centre)


@given(world=poses(), at_s=st.floats(0, 3.5))
def test_a_vehicle_in_a_circle_sees_the_same_arc_ahead_and_to_its_left_anywhere_and_always(
    world: Array, at_s: float
) -> None:
    points, known = future_points(world @ circle(50, 10), TIMES_S, at_s=at_s, count=64, rate_hz=10)
    angle = np.arange(1, 65) / 10 * 10 / 50
    arc = np.stack([50 * np.sin(angle), 50 * (1 - np.cos(angle)), 0 * angle], axis=-1)
    assert known == 64
    # Between two poses the path is a chord, up to 1 / (8 * 50) m inside the arc.
    np.testing.assert_allclose(points, arc, atol=0.01)


@pytest.mark.parametrize(("at_s", "known"), [(3.6, 64), (3.65, 63), (9.95, 0), (10.0, 0), (-0.1, 0), (12.0, 0)])
def test_points_after_the_end_of_the_recording_are_not_known(at_s: float, known: int) -> None:
    points, found = future_points(circle(50, 10), TIMES_S, at_s=at_s, count=64, rate_hz=10)
    assert found == known
    assert np.isfinite(points[:known]).all() and np.isnan(points[known:]).all()


def test_points_are_interpolated_in_time_where_poses_are_uneven() -> None:
    times = np.array([0.0, 0.1, 1.0])
    path = assemble(np.broadcast_to(np.eye(3), (3, 3, 3)), np.array([[0.0, 0, 0], [1, 0, 0], [10, 0, 0]]))
    points, _ = future_points(path, times, at_s=0.05, count=4, rate_hz=5)
    np.testing.assert_allclose(points[:, 0], [2, 4, 6, 8])
