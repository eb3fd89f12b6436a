from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cosmos_recipes.worlds.drawing import HAND_RGB, camera, render
from cosmos_recipes.worlds.factory import simulate

SIZES = [(64, 64), (128, 128), (96, 160), (480, 640), (32, 32)]


def centre_px(here_HW) -> tuple[float, float]:
    """Mean (u, v) of the marked pixels, in pixels from the picture's corner."""
    v, u = np.nonzero(here_HW)
    return u.mean() + 0.5, v.mean() + 0.5


@pytest.mark.parametrize(("height_px", "width_px"), SIZES)
def test_parts_are_drawn_where_the_ground_truth_says(height_px, width_px):
    episode, view = simulate(3), camera(height_px, width_px)
    frames_THWC = render(episode, height_px, width_px)
    for index, part in enumerate(episode.parts):
        painted = list(episode.parts)
        painted[index] = replace(part, colour="red" if part.colour != "red" else "blue")
        changed_THW = (render(replace(episode, parts=tuple(painted)), height_px, width_px) != frames_THWC).any(axis=3)
        for frame in (0, 8):
            x_m, y_m = episode.part_xy_m_PT2[index, frame]
            u, v = centre_px(changed_THW[frame])
            assert abs(u - view.centre_u_px - view.pixels_per_metre * x_m) < 0.5 + 0.02 * view.pixels_per_metre
            assert abs(v - view.centre_v_px + view.pixels_per_metre * y_m) < 0.5 + 0.03 * view.pixels_per_metre


@pytest.mark.parametrize(("height_px", "width_px"), [size for size in SIZES if min(size) >= 64])
def test_the_gripper_has_a_colour_of_its_own_and_is_where_the_ground_truth_says(height_px, width_px):
    episode, view = simulate(3), camera(height_px, width_px)
    frames_THWC = render(episode, height_px, width_px)
    for frame in range(episode.frames):
        near_HW = np.abs(frames_THWC[frame].astype(int) - HAND_RGB).sum(axis=2) < 90
        u = centre_px(near_HW)[0]
        x_m = episode.gripper_xy_m_T2[frame, 0]
        assert abs(u - view.centre_u_px - view.pixels_per_metre * x_m) < 1 + 0.02 * view.pixels_per_metre


def test_the_whole_working_space_is_in_every_picture():
    for height_px, width_px in SIZES:
        view = camera(height_px, width_px)
        for x_m, y_m in ((-0.6, -0.3), (0.6, 0.85)):
            assert 0 <= view.centre_u_px + view.pixels_per_metre * x_m <= width_px
            assert 0 <= view.centre_v_px - view.pixels_per_metre * y_m <= height_px


def test_a_picture_depends_on_nothing_but_its_episode():
    alone_THWC = render(simulate(5), 64, 64)
    render(simulate(6), 64, 64)
    np.testing.assert_array_equal(render(simulate(5), 64, 64), alone_THWC)


def test_small_pictures_are_the_large_ones_made_small():
    episode = simulate(8, frames=11)
    large_THWC = render(episode, 256, 256).astype(float)
    shrunk_THWC = large_THWC.reshape(11, 64, 4, 64, 4, 3).mean(axis=(2, 4))
    assert np.abs(shrunk_THWC - render(episode, 64, 64)).mean() < 4


def test_fingers_close_on_the_part_and_open_over_the_bin():
    episode, view = simulate(1), camera(256, 256)
    frames_THWC = render(episode, 256, 256)

    def width_px(frame: int) -> float:
        row = round(view.centre_v_px - view.pixels_per_metre * (episode.gripper_xy_m_T2[frame, 1] - 0.02))
        columns = np.flatnonzero(np.abs(frames_THWC[frame, row].astype(int) - HAND_RGB).sum(axis=1) < 130)
        return float(np.ptp(columns))

    closed = int(np.flatnonzero(episode.grip_T == 1)[0])
    assert width_px(0) - width_px(closed) > 0.06 * view.pixels_per_metre
    assert width_px(episode.frames - 1) == pytest.approx(width_px(0), abs=2)


def test_the_belt_is_seen_to_move():
    frames_THWC = render(simulate(2), 64, 64).astype(int)
    assert np.abs(frames_THWC[1, 44:52] - frames_THWC[0, 44:52]).max() > 60


def test_a_workshop_is_the_same_machine_in_other_paint():
    """Otherwise the shipped base has seen the factory that it is post-trained on, or another machine."""
    own, painted = simulate(4), simulate(4, world="workshop")
    assert own.caption == painted.caption and own.parts == painted.parts
    assert len({simulate(seed, world="workshop").look for seed in range(50)}) == 50
    assert all(simulate(seed, world="workshop").look != own.look for seed in range(50))
    np.testing.assert_array_equal(render(painted, 64, 64), render(simulate(4, world="workshop"), 64, 64))
    assert (render(painted, 64, 64)[0] != render(own, 64, 64)[0]).any(axis=2).mean() > 0.5
