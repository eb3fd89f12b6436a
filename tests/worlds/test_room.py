"""If these fail, the poses of the room's camera are not those from which it was drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.worlds import room
from cosmos_recipes.worlds.poses import intrinsics, inverted, project
from cosmos_recipes.worlds.room import ROOM

seeds = st.integers(0, 2**62)


def play(seed: int, frames: int = 25):
    return ROOM.play(seed, frames=frames, rate_hz=5.0)


def repainted_THW(episode, index: int, height_px: int, width_px: int):
    """Which pixels show a thing: those that change with its colour."""
    things = list(episode.things)
    things[index] = replace(things[index], colour="red" if things[index].colour != "red" else "blue")
    frames_THWC = ROOM.render(episode, height_px, width_px)["video"]
    other_THWC = ROOM.render(replace(episode, things=tuple(things)), height_px, width_px)["video"]
    return (frames_THWC.astype(int) - other_THWC != 0).any(axis=3)


@pytest.mark.parametrize(("height_px", "width_px"), [(64, 64), (96, 160), (128, 96)])
def test_things_are_drawn_where_the_poses_and_intrinsics_say(height_px, width_px):
    compared = 0
    for seed in range(6):
        episode = play(seed, frames=7)
        focal_4, size = intrinsics(episode.view_rad, height_px, width_px), (width_px, height_px)
        for index, (thing, place_m) in enumerate(zip(episode.things, episode.places_m, strict=True)):
            ball = replace(thing, shape="ball", width_m=0.5, height_m=0.5)
            alone = replace(episode, things=(ball,), places_m=(place_m,))
            shown_THW = repainted_THW(alone, 0, height_px, width_px)
            for frame, pose_44 in enumerate(episode.world_to_camera_T44):
                v, u = np.nonzero(shown_THW[frame])
                if len(u) == 0 or min(u.min(), v.min()) == 0 or u.max() == width_px - 1 or v.max() == height_px - 1:
                    continue
                (middle,), (depth_m,) = project([(*place_m, 0.25)], pose_44, focal_4)
                assert depth_m > 0
                # A ball is seen as an ellipse, whose middle is a little further out than the ball's.
                middle = 0.5 + (middle - 0.5) / (1 - (0.25 / depth_m) ** 2)
                off_px = np.array([u.mean() + 0.5, v.mean() + 0.5]) - middle * size
                assert np.hypot(*off_px) < 0.6, f"seed {seed} thing {index} frame {frame}"
                compared += 1
    assert compared > 10


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_the_camera_never_comes_near_a_wall_or_a_thing(seed):
    episode = play(seed)
    eye_T3 = inverted(episode.world_to_camera_T44)[:, :3, 3]
    assert np.all(np.abs(eye_T3[:, :2]) < np.array(episode.size_m[:2]) / 2 - room.WALL_CLEARANCE_M + 1e-6)
    assert np.all((eye_T3[:, 2] > 1) & (eye_T3[:, 2] < episode.size_m[2] - 0.5))
    for thing, place_m in zip(episode.things, episode.places_m, strict=True):
        assert np.linalg.norm(eye_T3[:, :2] - place_m, axis=1).min() > thing.radius_m + room.THING_CLEARANCE_M - 1e-6


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_poses_are_rotations_and_change_smoothly(seed):
    episode = play(seed)
    turn_T33 = episode.world_to_camera_T44[:, :3, :3]
    np.testing.assert_allclose(turn_T33 @ turn_T33.swapaxes(1, 2), np.tile(np.eye(3), (25, 1, 1)), atol=1e-7)
    np.testing.assert_allclose(np.linalg.det(turn_T33), 1, atol=1e-7)
    eye_T3 = inverted(episode.world_to_camera_T44)[:, :3, 3]
    assert np.linalg.norm(np.diff(eye_T3, axis=0), axis=1).max() < 0.3
    assert np.linalg.norm(np.diff(eye_T3, n=2, axis=0), axis=1).max() < 0.06


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_the_caption_says_how_the_camera_moves(seed):
    episode = play(seed)
    pose_T44 = inverted(episode.world_to_camera_T44)
    ahead_T3, right_T3 = pose_T44[:, :3, 2], pose_T44[:, :3, 0]
    moved_3 = pose_T44[-1, :3, 3] - pose_T44[0, :3, 3]
    if set(episode.caption.split()) & {"forward", "back"} and "slides" not in episode.caption:
        assert (moved_3 @ ahead_T3.mean(axis=0) > 0) == ("forward" in episode.caption)
    if "slides" in episode.caption and not set(episode.caption.split()) & {"forward", "back"}:
        assert (moved_3 @ right_T3.mean(axis=0) > 0) == ("slides right" in episode.caption)
    turned = ahead_T3[0, 0] * ahead_T3[-1, 1] - ahead_T3[0, 1] * ahead_T3[-1, 0]
    assert (turned > 1e-3) == ("turns left" in episode.caption)
    assert (turned < -1e-3) == ("turns right" in episode.caption)
    assert (ahead_T3[-1, 2] - ahead_T3[0, 2] > 1e-3) == ("tilts up" in episode.caption)
    assert (ahead_T3[-1, 2] - ahead_T3[0, 2] < -1e-3) == ("tilts down" in episode.caption)
    assert {thing.name for thing in episode.things if thing.name in episode.caption}


def test_every_movement_shape_and_field_of_view_occurs():
    episodes = [play(seed, frames=11) for seed in range(150)]
    captions = " ".join(episode.caption for episode in episodes)
    movements = (
        "forward",
        "moves back",
        "slides left",
        "slides right",
        "turns left",
        "turns right",
        "tilts up",
        "tilts down",
    )
    for words in (*movements, "box", "ball", "pillar", "cone", "red", "blue", "yellow"):
        assert words in captions
    views_rad = [episode.view_rad for episode in episodes]
    assert min(views_rad) < 0.95
    assert max(views_rad) > 1.3
    assert {len(episode.things) for episode in episodes} == {3, 4, 5, 6}
