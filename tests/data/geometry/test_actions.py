"""If these fail, actions say that a gripper moved another way than it did."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from drawn_poses import Array, paths, turn
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cosmos_recipes.data.geometry import POSE_PRESETS
from cosmos_recipes.data.geometry import actions as a
from cosmos_recipes.data.geometry.kinds import DeltaFrame
from cosmos_recipes.data.geometry.poses import assemble

frames = st.sampled_from(get_args(DeltaFrame))
METRES = 1e-7
"""Rounding over a path of several kilometres."""


@st.composite
def sampled(draw: st.DrawFn) -> tuple[Array, Array]:
    """A path, and the rows of it that a slower clip has."""
    path = draw(paths(at_least=3))
    rows = draw(st.sets(st.integers(0, len(path) - 1), min_size=2))
    return path, np.array(sorted(rows))


@given(path=paths(at_least=1), frame=frames)
def test_steps_lead_back_to_the_poses_that_they_are_between(path: Array, frame: DeltaFrame) -> None:
    steps = a.pose_deltas(path, frame=frame)
    assert steps.shape == (len(path) - 1, 4, 4)
    np.testing.assert_allclose(a.integrate_poses(path[0], steps, frame=frame), path, atol=METRES)


@given(path=paths(), frame=frames)
def test_poses_lead_back_to_the_steps_that_they_were_made_of(path: Array, frame: DeltaFrame) -> None:
    integrated = a.integrate_poses(path[0], path[1:], frame=frame)
    np.testing.assert_allclose(a.pose_deltas(integrated, frame=frame), path[1:], atol=METRES)


@given(drawn=sampled(), frame=frames)
def test_steps_merged_for_a_slower_clip_are_those_between_its_own_poses(
    drawn: tuple[Array, Array], frame: DeltaFrame
) -> None:
    path, rows = drawn
    merged = a.merge_pose_deltas(a.pose_deltas(path, frame=frame), rows, frame=frame)
    np.testing.assert_allclose(merged, a.pose_deltas(path[rows], frame=frame), atol=METRES)


def test_two_quarter_turns_are_merged_to_a_half_turn_and_not_to_a_sum_of_angles() -> None:
    about_x, about_y = (assemble(turn(axis, np.pi / 2), np.zeros(3)) for axis in (0, 1))
    (merged,) = a.merge_pose_deltas(np.array([about_x, about_y]), np.array([0, 2]))
    np.testing.assert_allclose(merged[:3, :3], turn(0, np.pi / 2) @ turn(1, np.pi / 2), atol=1e-12)
    (of_base,) = a.merge_pose_deltas(np.array([about_x, about_y]), np.array([0, 2]), frame="base")
    np.testing.assert_allclose(of_base[:3, :3], turn(1, np.pi / 2) @ turn(0, np.pi / 2), atol=1e-12)


def test_bridge_actions_are_in_the_frame_of_the_gripper_before_the_step() -> None:
    """The gripper points along y of the base, moves 0.1 m along it and rolls by 0.2 rad: both along its own x."""
    bridge = POSE_PRESETS["bridge"]
    state = np.array([[0.3, 0.0, 0.2, 0.0, 0.0, np.pi / 2], [0.3, 0.1, 0.2, 0.2, 0.0, np.pi / 2]])
    poses = bridge.to_canonical(state)
    of_gripper, of_base = (bridge.from_canonical(a.pose_deltas(poses, frame=frame)) for frame in get_args(DeltaFrame))
    np.testing.assert_allclose(of_gripper, [[0.1, 0, 0, 0.2, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(of_base, [[0, 0.1, 0, 0, 0.2, 0]], atol=1e-12)


@given(state=arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.floats(-10, 10)))
def test_vectors_come_back_from_their_steps(state: Array) -> None:
    np.testing.assert_allclose(a.integrate_vectors(state[0], a.vector_deltas(state)), state, atol=1e-9)


@given(drawn=sampled())
def test_steps_of_vectors_are_summed_between_the_frames_of_a_slower_clip(drawn: tuple[Array, Array]) -> None:
    path, rows = drawn
    state = path[:, :3, 3]
    merged = a.merge_vector_deltas(a.vector_deltas(state), rows)
    np.testing.assert_allclose(merged, [state[end] - state[start] for start, end in pairwise(rows)], atol=1e-9)


def test_rows_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="rise"):
        a.merge_vector_deltas(np.ones((4, 2)), np.array([0, 2, 2]))
    with pytest.raises(ValueError, match="rise"):
        a.merge_pose_deltas(np.array([np.eye(4)] * 4), np.array([0, 5]))
