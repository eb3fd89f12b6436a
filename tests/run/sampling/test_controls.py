"""A control means the same in every kind of file, and the same as in training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.geometry.conventions import PoseConvention
from cosmos_recipes.data.geometry.presets import POSE_PRESETS
from cosmos_recipes.data.index.windows import ClipSpec
from cosmos_recipes.run.sampling.controls import Controls, read_controls
from cosmos_recipes.run.sampling.frames import GivenFrames, read_given
from cosmos_recipes.run.sampling.models import open_model
from cosmos_recipes.run.sampling.parts import trajectory_part
from cosmos_recipes.run.sampling.request import SampleRequest
from cosmos_recipes.run.sampling.reversal import reversed_actions
from cosmos_recipes.run.sampling.timeline import Timeline
from cosmos_recipes.training.batches import PreparedClips
from tests.run.sampling.models import MadeModel

Make = Callable[[str], MadeModel]


def controls(made: MadeModel, folder: Path, **more: Any) -> Controls:
    request = SampleRequest(model=str(made.run), frames=made.video, **more)
    opened = open_model(request.model, runs=made.runs)
    return read_controls(request, opened, given(made, request, folder), Timeline.of(request, opened.config))


def given(made: MadeModel, request: SampleRequest, folder: Path) -> GivenFrames:
    clip = ClipSpec(frames=5, rate_hz=5, height_px=64, width_px=64, stride=1)
    return read_given(request, (), clip, fewest=1, folder=folder)


def trained(made: MadeModel, column: str) -> np.ndarray:
    """What training saw of the same clip."""
    return PreparedClips(made.prepared).rows([made.held_out])[0][column]


def write_actions(path: Path, rows_RA: np.ndarray) -> Path:
    columns = dict(zip(("grip", "dx", "dy"), rows_RA[:, [2, 0, 1]].T.tolist(), strict=True))
    match path.suffix:
        case ".csv":
            lines = [",".join(map(repr, row)) for row in zip(*columns.values(), strict=True)]
            path.write_text("\n".join([",".join(columns), *lines]))
        case ".json":
            path.write_text(json.dumps({"rate_hz": 5, **columns}))
        case ".npy":
            np.save(path, rows_RA)
        case ".parquet":
            moments = [3 + row / 5 for row in range(len(rows_RA))]
            parquet.write_table(
                pa.table({"action": rows_RA.tolist(), "timestamp": moments, "note": ["x"] * len(rows_RA)}), path
            )
    return path


@pytest.mark.parametrize("suffix", [".csv", ".json", ".npy", ".parquet"])
def test_actions_are_what_training_saw(made: Make, suffix: str, tmp_path: Path) -> None:
    """Centimetres of the data set, columns in any order: a silent mismatch would move another arm."""
    own = made("action")
    file = write_actions(tmp_path / f"moves{suffix}", np.float64(own.recording.values["action"]))
    read = controls(own, tmp_path, actions=file)
    assert read.rows is not None
    np.testing.assert_allclose(read.rows[0]["action"], trained(own, "action"), atol=1e-5)
    assert "lasts" in read.notes[0]


def test_actions_that_come_faster_are_added_up(made: Make, tmp_path: Path) -> None:
    rows_RA = np.tile([0.5, 0.25, 1.0], (24, 1))
    fast = controls(made("action"), tmp_path, actions=write_actions(tmp_path / "a.npy", rows_RA), rate_hz=10.0)
    slow = controls(
        made("action"), tmp_path, actions=write_actions(tmp_path / "b.npy", rows_RA[:12] * np.array([2, 2, 1]))
    )
    assert fast.rows is not None and slow.rows is not None
    np.testing.assert_allclose(fast.rows[0]["action"], slow.rows[0]["action"], rtol=1e-6)


def test_reversed_actions_lead_back() -> None:
    forms = ("delta", "absolute", "difference")
    rows_RA = np.array([[1.0, 5, 10], [2, 6, 20], [3, 7, 30]])
    back_RA = reversed_actions(rows_RA, forms)
    assert back_RA.tolist() == [[-3, 6, 30], [-2, 5, 20], [-1, 5, 10]]


@pytest.mark.parametrize("frame", ["end-effector", "base"])
def test_reversed_changes_of_a_pose_end_where_they_began(frame: Any) -> None:
    from cosmos_recipes.data.geometry.actions import integrate_poses

    pose = POSE_PRESETS["bridge"]
    rows_RA = np.random.default_rng(0).uniform(-0.4, 0.4, (6, 7))
    back_RA = reversed_actions(rows_RA, ("delta",) * 6 + ("absolute",), pose=pose, frame=frame)
    both_RA = np.concatenate([rows_RA[:, :6], back_RA[:, :6]])
    path_T44 = integrate_poses(np.eye(4), pose.to_canonical(both_RA), frame=frame)
    np.testing.assert_allclose(path_T44[7:], path_T44[5::-1], atol=1e-9)


def write_camera(path: Path, made: MadeModel) -> Path:
    """The recording's way, in each format's own convention."""
    values = made.recording.values
    pose_T44, (fx, fy, cx, cy) = np.float64(values["pose"]), np.float64(values["intrinsics"]).tolist()
    match path.name:
        case "way.json":
            path.write_text(json.dumps({"pose": pose_T44.tolist(), "intrinsics": [fx, fy, cx, cy]}))
        case "transforms.json":
            poses = POSE_PRESETS["nerfstudio"].from_canonical(pose_T44).tolist()
            frames = [{"file_path": f"{n}.png", "transform_matrix": pose} for n, pose in enumerate(poses)]
            lens = {"w": 100, "h": 100, "fl_x": 100 * fx, "fl_y": 100 * fy, "cx": 100 * cx, "cy": 100 * cy}
            path.write_text(json.dumps({**lens, "frames": frames}))
        case "realestate.txt":
            rows = [[200_000 * n + 7, fx, fy, cx, cy, 0, 0, *pose[:3].ravel()] for n, pose in enumerate(pose_T44)]
            path.write_text(
                "\n".join(["https://example.org/v", *(" ".join(map(repr, map(float, row))) for row in rows)])
            )
        case "way.txt":
            path.write_text("\n".join(" ".join(map(repr, pose[:3].ravel().tolist())) for pose in pose_T44))
        case "way.npy":
            np.save(path, pose_T44)
    return path


@pytest.mark.parametrize("name", ["way.json", "transforms.json", "realestate.txt", "way.txt", "way.npy"])
def test_a_camera_is_what_training_saw(made: Make, name: str, tmp_path: Path) -> None:
    own = made("camera")
    read = controls(own, tmp_path, camera=str(write_camera(tmp_path / name, own)))
    assert read.rows is not None
    np.testing.assert_allclose(read.rows[0]["pose"], trained(own, "pose"), atol=1e-5)
    if name in ("way.json", "transforms.json", "realestate.txt"):
        np.testing.assert_allclose(read.rows[0]["intrinsics"], trained(own, "intrinsics"), atol=1e-5)
    else:
        assert "the lens is that of the first clip" in read.notes[-1]


def test_the_lens_is_that_of_the_input(made: Make, tmp_path: Path) -> None:
    """The room's videos are as wide as high: half of a right angle to each side is a focal length of half of that."""
    own = made("camera")
    fov = controls(own, tmp_path, camera="hold 1 s", fov_rad=np.pi / 2)
    pixels = controls(own, tmp_path, camera="hold 1 s", lens_px=(32.0, 32.0, 32.0, 32.0))
    assert fov.rows is not None and pixels.rows is not None
    for read in (fov.rows, pixels.rows):
        np.testing.assert_allclose(read[0]["intrinsics"], np.full((13, 4), 0.5))


def test_a_camera_in_words_rests_while_frames_are_given(made: Make, tmp_path: Path) -> None:
    read = controls(made("camera"), tmp_path, camera="forward 1 m", chunks=2)
    assert read.rows is not None
    ahead_m = [-row["pose"][:, 2, 3] for row in read.rows]
    np.testing.assert_array_equal(ahead_m[0][:5], 0)
    np.testing.assert_allclose(ahead_m[0][-1], 0.5, atol=1e-6)
    assert ahead_m[1][0] == 0
    np.testing.assert_allclose(ahead_m[0][8] + ahead_m[1][-1], 1, atol=1e-6)


@pytest.fixture
def driven(made: Make, tmp_path: Path) -> Callable[..., np.ndarray]:
    """Return the points that each chunk of a drive sees, of a contract with 8 points at 2 Hz."""
    own = made("none")
    config = open_model(str(own.run), runs=own.runs).config

    def drive(points: list[list[float]], **more: Any) -> np.ndarray:
        path = tmp_path / "way.json"
        path.write_text(json.dumps(points))
        request = SampleRequest(model="", frames=own.video, chunks=2, **more)
        timeline = Timeline.of(request, config)
        said = {"from": "ego", "convention": "waymo-ego", "points": 8, "rate": "2 Hz"}
        part = trajectory_part(path, said, request, timeline)
        columns = part.columns(load_schema("trajectory"), given(own, replace(request), tmp_path), timeline)
        return np.asarray(columns["trajectory"])

    return drive


def test_a_trajectory_is_resampled_and_seen_anew_from_each_chunk(driven: Callable[..., np.ndarray]) -> None:
    """On a circle the way ahead always looks the same."""
    angle_rad = np.arange(61) / 60 * np.pi
    circle = np.stack([10 * np.sin(angle_rad), 10 * (1 - np.cos(angle_rad))], -1).tolist()
    points_m_NP3 = driven(circle, rate_hz=10.0)
    assert points_m_NP3.shape == (2, 8, 3)
    np.testing.assert_allclose(points_m_NP3[0, :, :2], circle[5:41:5], atol=1e-5)
    np.testing.assert_allclose(points_m_NP3[1], points_m_NP3[0], atol=0.02)
    np.testing.assert_allclose(driven(circle[1:], rate_hz=10.0), points_m_NP3, atol=1e-6)


def test_a_trajectory_backwards_backs(driven: Callable[..., np.ndarray]) -> None:
    ahead = [[2.0 * n, 0.0, 0.0] for n in range(20)]
    np.testing.assert_allclose(driven(ahead, reverse=True), -driven(ahead), atol=1e-6)
    backing = [[-x, y, z] for x, y, z in ahead]
    np.testing.assert_allclose(driven(backing), -driven(ahead), atol=1e-6)


def test_a_convention_can_be_said_for_bare_numbers(made: Make, tmp_path: Path) -> None:
    own, path = made("camera"), tmp_path / "poses.npy"
    convention: PoseConvention = POSE_PRESETS["nerfstudio"]
    np.save(path, convention.from_canonical(np.float64(own.recording.values["pose"])))
    read = controls(own, tmp_path, camera=str(path), convention="nerfstudio")
    assert read.rows is not None
    np.testing.assert_allclose(read.rows[0]["pose"], trained(own, "pose"), atol=1e-5)
