"""If these fail, the views of the cell do not show the same scene, or not where the ground truth says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.worlds.cell import CELL, HEADINGS, TABLE_M, TURNTABLE_HEIGHT_M, VIEWS, Pusher, Turntable
from cosmos_recipes.worlds.poses import intrinsics, inverted
from cosmos_recipes.worlds.things import COLOUR_RGB

seeds = st.integers(0, 2**62)


def play(seed: int, frames: int = 25):
    return CELL.play(seed, frames=frames, rate_hz=5.0)


def nearest_point_m(eyes_V3, directions_V3):
    """The point that is nearest to all rays, by least squares."""
    across_V33 = np.eye(3) - directions_V3[:, :, None] * directions_V3[:, None, :]
    return np.linalg.solve(across_V33.sum(axis=0), (across_V33 @ eyes_V3[:, :, None]).sum(axis=0))[:, 0]


@pytest.mark.parametrize(("height_px", "width_px"), [(64, 64), (128, 128), (96, 160)])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_ball_is_seen_by_all_cameras_at_one_point_of_the_world(seed, height_px, width_px):
    episode = play(seed, frames=6)
    ball = replace(episode.things[0], shape="ball", height_m=episode.things[0].width_m, colour="red")
    alone = replace(episode, things=(ball,), foot_m_PT3=episode.foot_m_PT3[:1], turned_rad_PT=episode.turned_rad_PT[:1])
    red, blue = (
        CELL.render(replace(alone, things=(replace(ball, colour=colour),)), height_px, width_px)
        for colour in ("red", "blue")
    )
    camera_to_world_V44 = inverted(episode.world_to_camera_V44)
    for frame in (0, 5):
        rays = []
        for view, view_rad in zip(VIEWS, episode.view_rad_V, strict=True):
            v, u = np.nonzero((red[view][frame] != blue[view][frame]).any(axis=2))
            focal_4 = intrinsics(view_rad, height_px, width_px)
            middle = np.array([u.min() + u.max() + 1, v.min() + v.max() + 1]) / 2 / (width_px, height_px)
            rays.append([*((middle - focal_4[2:]) / focal_4[:2]), 1.0])
        directions_V3 = np.einsum("vij,vj->vi", camera_to_world_V44[:, :3, :3], np.array(rays))
        directions_V3 /= np.linalg.norm(directions_V3, axis=1, keepdims=True)
        found_m = nearest_point_m(camera_to_world_V44[:, :3, 3], directions_V3)
        assert np.linalg.norm(found_m - alone.middle_m_PT3[0, frame]) < 0.03


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_things_stay_on_the_table_and_never_run_into_each_other(seed):
    episode = play(seed)
    for number, thing in enumerate(episode.things):
        feet_m_T3 = episode.foot_m_PT3[number]
        assert np.all(np.abs(feet_m_T3[:, :2]) + thing.width_m / 2 < np.array(TABLE_M) / 2)
        on_disc = isinstance(episode.tool, Turntable) and episode.moves[number]
        assert np.all(feet_m_T3[:, 2] == (TURNTABLE_HEIGHT_M if on_disc else 0.0))
        for other in range(number):
            gap_m_T = np.linalg.norm(feet_m_T3[:, :2] - episode.foot_m_PT3[other, :, :2], axis=1)
            assert gap_m_T.min() > (thing.width_m + episode.things[other].width_m) / 2 - 1e-5


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_what_is_said_to_move_moves_and_nothing_else(seed):
    episode = play(seed)
    moved_m_P = np.linalg.norm(episode.foot_m_PT3[:, -1] - episode.foot_m_PT3[:, 0], axis=1)
    for thing, moves, moved_m in zip(episode.things, episode.moves, moved_m_P, strict=True):
        assert (moved_m > 0.02) == moves
        assert thing.name in episode.caption
    named = [thing.name for thing, moves in zip(episode.things, episode.moves, strict=True) if moves]
    assert all(name in episode.caption.split(", beside")[0] for name in named)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_the_pusher_pushes_the_way_it_is_said_to_and_touches_what_it_pushes(seed):
    episode = play(seed)
    if isinstance(episode.tool, Turntable):
        clockwise = episode.tool.turned_rad_T[-1] < 0
        assert (" clockwise" in episode.caption) == clockwise
        return
    assert isinstance(episode.tool, Pusher)
    x, y, words = HEADINGS[episode.tool.heading]
    assert words in episode.caption
    along_m_T = episode.foot_m_PT3[0, :, :2] @ [x, y] - episode.things[0].width_m / 2
    assert np.all(along_m_T > episode.tool.reach_m_T - 1e-5)
    assert along_m_T[-1] == pytest.approx(episode.tool.reach_m_T[-1], abs=1e-5)


def test_all_cameras_stand_still_outside_the_table_and_see_its_middle():
    for seed in range(20):
        episode = play(seed, frames=6)
        eyes_m = inverted(episode.world_to_camera_V44)[:, :3, 3]
        assert np.all(np.linalg.norm(eyes_m, axis=1) > 1.3)
        assert eyes_m[0, 1] < -1
        assert eyes_m[1, 0] < -1
        assert eyes_m[2, 0] > 1
        assert eyes_m[3, 2] > 1.4
        middle_V3 = episode.world_to_camera_V44[:, :3, 3]
        assert np.all(np.abs(middle_V3[:, :2] / middle_V3[:, 2:]) < 0.1)


def test_every_tool_heading_and_colour_occurs():
    captions = " ".join(play(seed, frames=6).caption for seed in range(200))
    turning = ("turns clockwise", "turns counter-clockwise", "moves both")
    for words in (*turning, *(words for *_, words in HEADINGS.values()), *COLOUR_RGB):
        assert words in captions
