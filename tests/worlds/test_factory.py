from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.worlds import factory
from cosmos_recipes.worlds.factory import simulate
from cosmos_recipes.worlds.motion import elbow_and_wrist

seeds = st.integers(0, 2**62)
timings = st.sampled_from([(25, 5.0), (11, 5.0), (50, 10.0), (121, 24.0), (60, 5.0), (61, 29.97)])


@settings(deadline=None)
@given(seeds, timings)
def test_a_seed_always_gives_the_same_episode(seed, setting):
    frames, rate_hz = setting
    first, second = (simulate(seed, frames=frames, rate_hz=rate_hz) for _ in range(2))
    assert first.frames == frames
    assert first.caption == second.caption
    assert first.parts == second.parts
    np.testing.assert_array_equal(first.part_xy_m_PT2, second.part_xy_m_PT2)
    np.testing.assert_array_equal(first.action_T3, second.action_T3)


@settings(deadline=None)
@given(seeds, timings)
def test_the_commanded_part_ends_in_the_commanded_bin(seed, setting):
    episode = simulate(seed, frames=setting[0], rate_hz=setting[1])
    x_m, y_m = episode.part_xy_m_PT2[episode.target, -1]
    assert episode.part_state_PT[episode.target][-1] == "bin"
    assert x_m == (-factory.BIN_X_M if episode.side == "left" else factory.BIN_X_M)
    assert y_m == pytest.approx(factory.BIN_FLOOR_M + factory.PART_M / 2)


@settings(deadline=None)
@given(seeds, timings)
def test_a_held_part_is_where_the_gripper_is(seed, setting):
    episode = simulate(seed, frames=setting[0], rate_hz=setting[1])
    held_T = np.array(episode.part_state_PT[episode.target]) == "held"
    assert held_T.any()
    np.testing.assert_array_equal(episode.part_xy_m_PT2[episode.target][held_T], episode.gripper_xy_m_T2[held_T])
    assert episode.grip_T[held_T].min() > 0.4


@settings(deadline=None)
@given(seeds, timings)
def test_parts_ride_at_the_belts_speed_until_they_are_gripped(seed, setting):
    episode = simulate(seed, frames=setting[0], rate_hz=setting[1])
    step_m = episode.belt_speed_m_s / episode.rate_hz
    np.testing.assert_allclose(np.diff(episode.belt_m_T), step_m, atol=2e-6)
    for index, states in enumerate(episode.part_state_PT):
        riding_T = np.array(states) == "belt"
        assert riding_T.all() == (index != episode.target)
        np.testing.assert_allclose(np.diff(episode.part_xy_m_PT2[index, riding_T, 0]), step_m, atol=2e-6)
        assert (episode.part_xy_m_PT2[index, riding_T, 1] == factory.PART_M / 2).all()


@settings(deadline=None)
@given(seeds, timings)
def test_actions_add_up_to_the_grippers_path(seed, setting):
    episode = simulate(seed, frames=setting[0], rate_hz=setting[1])
    path_T2 = episode.gripper_xy_m_T2[0] + np.cumsum(episode.action_T3[:, :2], axis=0)
    np.testing.assert_allclose(path_T2[:-1], episode.gripper_xy_m_T2[1:], atol=1e-9)
    np.testing.assert_array_equal(episode.action_T3[:-1, 2], episode.grip_T[1:])


@settings(deadline=None)
@given(seeds, timings)
def test_joint_angles_lead_to_the_gripper(seed, setting):
    episode = simulate(seed, frames=setting[0], rate_hz=setting[1])
    for joint_rad, xy_m in zip(episode.joint_rad_T2, episode.gripper_xy_m_T2, strict=True):
        wrist_m = elbow_and_wrist(joint_rad, factory.MOUNT_M, factory.UPPER_ARM_M, factory.FOREARM_M)[1]
        np.testing.assert_allclose(wrist_m - [0.0, factory.HAND_M], xy_m, atol=2e-6)


@settings(deadline=None)
@given(seeds)
def test_nothing_teleports(seed):
    episode = simulate(seed, frames=241, rate_hz=50.0)
    assert np.abs(np.diff(episode.gripper_xy_m_T2, axis=0)).max() < 0.04
    assert np.abs(np.diff(episode.part_xy_m_PT2, axis=1)).max() < 0.045
    assert np.abs(np.diff(episode.joint_rad_T2, axis=0)).max() < 0.2


@settings(deadline=None)
@given(seeds)
def test_parts_never_touch_each_other_or_the_open_fingers(seed):
    episode = simulate(seed)
    low = np.flatnonzero(episode.gripper_xy_m_T2[:, 1] < factory.PART_M)
    for frame in low:
        others_m = np.delete(episode.part_xy_m_PT2[:, frame, 0], episode.target)
        assert np.abs(others_m - episode.gripper_xy_m_T2[frame, 0]).min() > (factory.OPEN_GAP_M + factory.PART_M) / 2
    assert np.diff(np.sort(episode.part_xy_m_PT2[:, 0, 0])).min() > factory.PART_M + 0.05


@settings(deadline=None)
@given(seeds)
def test_the_caption_names_what_happened(seed):
    episode = simulate(seed)
    target = episode.parts[episode.target]
    for word in (target.colour, target.shape, episode.side, "bin"):
        assert word in episode.caption.rstrip(".").split()
    for part in set(episode.parts) - {target}:
        assert part.colour not in episode.caption
        assert part.shape not in episode.caption
    assert len({part.colour for part in episode.parts}) == len({part.shape for part in episode.parts})
    assert len({part.colour for part in episode.parts}) == len(episode.parts)


def test_the_first_frame_does_not_tell_the_command():
    episodes = [simulate(seed) for seed in range(1500)]
    left = np.array([episode.side == "left" for episode in episodes])
    start_m = np.stack([episode.gripper_xy_m_T2[0] for episode in episodes])
    target_m = np.array([episode.part_xy_m_PT2[episode.target, 0, 0] for episode in episodes])
    for told in (start_m[:, 0], start_m[:, 1], target_m):
        assert abs(np.corrcoef(left, told)[0, 1]) < 0.1
    assert abs(np.corrcoef(start_m[:, 0], target_m)[0, 1]) < 0.1
    order = [int((e.part_xy_m_PT2[:, 0, 0] > e.part_xy_m_PT2[e.target, 0, 0]).sum()) for e in episodes]
    shares = np.bincount(order, minlength=3) / len(order)
    assert shares.min() > 0.1
    assert shares.max() < 0.6


def test_every_shape_colour_bin_and_template_occurs():
    episodes = [simulate(seed) for seed in range(300)]
    targets = [episode.parts[episode.target] for episode in episodes]
    assert {(part.shape, part.colour) for part in targets} == {
        (shape, colour) for shape in ("box", "disc", "wedge") for colour in ("red", "green", "blue", "yellow")
    }
    told = {
        e.caption.replace(t.colour, "{colour}").replace(t.shape, "{shape}").replace(e.side, "{side}")
        for e, t in zip(episodes, targets, strict=True)
    }
    assert told == set(factory.CAPTIONS)
    assert {len(episode.parts) for episode in episodes} == {2, 3}


def test_a_recording_too_short_for_the_command_is_refused_with_the_length_it_needs():
    with pytest.raises(ValueError, match="at least 11 frames at 5 Hz, not 10"):
        simulate(0, frames=10)


def test_importing_the_world_is_light():
    heavy = "{'numpy', 'PIL', 'av', 'pyarrow', 'torch'}"
    code = f"import sys, cosmos_recipes.worlds.factory, cosmos_recipes.worlds.writer; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
