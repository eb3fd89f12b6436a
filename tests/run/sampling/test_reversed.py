"""A control that is played backwards is the reverse motion: on the true world, by the estimators of the evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cosmos_recipes.data.recording import Recording
from cosmos_recipes.run.sampling.camera_files import read_camera
from cosmos_recipes.run.sampling.reversal import reversed_actions
from cosmos_recipes.worlds.factory import FOREARM_M, HAND_M, MOUNT_M, UPPER_ARM_M
from cosmos_recipes.worlds.motion import reach
from cosmos_recipes.worlds.world import find_world
from tests.docs.scripts import script as load
from tests.run.sampling.models import MadeModel

FRAMES = 13
script = load("reversed")
LIKE, UNLIKE = 0.9, -0.3


def test_a_camera_played_backwards_is_seen_to_go_back(tmp_path: Path) -> None:
    room = find_world("room")
    episode = room.play(900_000, frames=FRAMES, rate_hz=5.0)
    values = room.values({"caption": "", **room.truth(episode, 64, 64, room.views)})
    recording = Recording(name="room", split=None, views={}, values=values)
    file = script.write_camera(recording, slice(0, FRAMES), tmp_path)["camera"]
    way = read_camera(Path(file), convention=None, rate_hz=None, default_hz=5.0)
    back_T44 = way.reversed(np.arange(FRAMES) / 5.0).pose_R44
    frames = room.render(replace(episode, world_to_camera_T44=back_T44), 64, 64)["video"]
    asked, found = script.asked_of_camera(recording, slice(0, FRAMES)), script.find_camera(frames, recording)
    for name in ("turn", "place"):
        if script.extent(asked["true"][name]) >= script.LEAST[name]:
            assert script.likeness(found[name], asked["reversed"][name]) > LIKE
            assert script.likeness(found[name], asked["true"][name]) < UNLIKE


def test_actions_played_backwards_lead_the_gripper_back() -> None:
    """The arm is drawn where the reversed actions take it from where it was at the end."""
    factory = find_world("factory")
    episode = factory.play(900_000, frames=FRAMES, rate_hz=5.0)
    there = script.find_hand(factory.render(episode, 64, 64)["video"])
    back_A3 = reversed_actions(episode.action_T3[:-1], ("delta", "delta", "absolute"))
    place_m_T2 = episode.gripper_xy_m_T2[-1] + np.concatenate([np.zeros((1, 2)), back_A3[:, :2].cumsum(0)])
    returning = replace(
        episode,
        gripper_xy_m_T2=place_m_T2,
        grip_T=np.append(episode.grip_T[-1], back_A3[:, 2]),
        joint_rad_T2=reach(place_m_T2 + np.array([0.0, HAND_M]), MOUNT_M, UPPER_ARM_M, FOREARM_M),
    )
    back = script.find_hand(factory.render(returning, 64, 64)["video"])
    assert np.abs(back - there[::-1]).max() < 1


@pytest.mark.parametrize("head", ["camera", "action"])
def test_the_script_that_shows_it_runs(made: Callable[[str], MadeModel], head: str, tmp_path: Path) -> None:
    """With an untrained model: what it finds is not what was asked for."""
    task = {"camera": script.CAMERA, "action": script.ACTION}[head]
    pairs = script.show(task, str(made(head).run), tmp_path / "sheet.png", 2)
    assert pairs and all(pair.videos["true"].shape == (3, 13, 64, 64) for pair in pairs)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (84 + 13 * 96, 2 * 96)
