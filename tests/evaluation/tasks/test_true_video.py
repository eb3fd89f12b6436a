"""If these break, a figure of a task says nothing: what it finds on true video is not the truth, or errors do not grow with mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from cosmos_recipes.data.geometry.poses import assemble
from cosmos_recipes.data.geometry.rotations import from_axis_angle
from cosmos_recipes.evaluation.estimators.alignment import positions
from cosmos_recipes.evaluation.tasks.base import Row, TaskMetric, Video
from cosmos_recipes.evaluation.tasks.camera import CameraPath
from cosmos_recipes.evaluation.tasks.consistency import SampsonErrors
from cosmos_recipes.evaluation.tasks.gripper import Gripper
from cosmos_recipes.evaluation.tasks.likeness import LatentDistance, Motion
from cosmos_recipes.evaluation.tasks.trajectory import TrajectoryFollowing
from tests.evaluation.true_videos import FRAMES, true_clip

SEEDS = (900_000, 900_002, 900_004)


def found(metric: TaskMetric, world: str, change: Any = lambda video, row: (video, row)) -> dict[str, float]:
    """The mean over clips of what a metric finds in a clip and its row after a change."""
    numbers = []
    for seed in SEEDS:
        truth, row = true_clip(world, seed)
        known = metric.know(truth, change(truth, row)[1])
        numbers.append(metric.measure(change(truth, row)[0], known))
    names = [name for name in numbers[0] if np.isfinite([each[name] for each in numbers]).any()]
    return {name: float(np.nanmean([each[name] for each in numbers])) for name in names}


def turned(degrees: float) -> Any:
    """Ask for a camera that is turned by so much, in every frame but the first."""
    turn_33 = from_axis_angle(np.radians([0.0, degrees, 0.0]))

    def change(video: Video, row: Row) -> tuple[Video, Row]:
        pose_T44 = row["pose"].copy()
        pose_T44[1:] = assemble(turn_33, np.zeros(3)) @ pose_T44[1:]
        return video, {**row, "pose": pose_T44}

    return change


def test_camera_poses_are_found_and_a_turn_that_was_not_made_is_as_large_as_it_is() -> None:
    floor, by_five, by_fifteen = (found(CameraPath(), "room", turned(degrees)) for degrees in (0.0, 5.0, 15.0))
    assert floor["rotation_deg"] < 1
    assert floor["translation"] < 0.1
    assert floor["pose_found"] == 1
    assert by_five["rotation_deg"] == pytest.approx(5, abs=floor["rotation_deg"] + 0.1)
    assert by_fifteen["rotation_deg"] == pytest.approx(15, abs=floor["rotation_deg"] + 0.1)


def test_a_camera_that_goes_the_other_way_is_as_wrong_as_one_that_stays() -> None:
    def backwards(video: Video, row: Row) -> tuple[Video, Row]:
        pose_T44 = row["pose"].copy()
        pose_T44[:, :3, 3] *= -1
        return video, {**row, "pose": pose_T44}

    assert found(CameraPath(), "room", backwards)["translation"] > 3 * found(CameraPath(), "room")["translation"]


def test_a_picture_with_nothing_in_it_has_no_pose() -> None:
    truth, row = true_clip("room", SEEDS[0])
    blank = Video(video_CTHW=torch.full_like(truth.video_CTHW, 90), setting=truth.setting)
    numbers = CameraPath().measure(blank, CameraPath().know(truth, row))
    assert np.isnan(numbers["rotation_deg"])
    assert numbers["pose_found"] == 0


def test_a_car_that_drives_twice_as_fast_is_found_to_be_where_it_is() -> None:
    metric, shares = TrajectoryFollowing(), []
    for seed in (900_001, 900_002, 900_003):
        (truth, row), (fast, fast_row) = true_clip("road", seed), true_clip("road", seed, skip=2)
        known = metric.know(truth, row)
        assert metric.measure(truth, known)["following_m"] < 1
        apart_m_T3 = positions(fast_row["pose"][0]) - positions(row["pose"][0])
        expected_m = np.linalg.norm(apart_m_T3, axis=1)[1:].mean()
        shares.append(metric.measure(fast, known)["following_m"] / expected_m)
    assert np.median(shares) == pytest.approx(1, abs=0.1)


def late(first: int) -> Any:
    """Show the first view so many frames later than the others."""

    def change(video: Video, row: Row) -> tuple[Video, Row]:
        frames = torch.arange(video.video_CTHW.shape[1])
        frames[:FRAMES] = (frames[:FRAMES] + first).clamp_max(FRAMES - 1)
        return Video(video_CTHW=video.video_CTHW[:, frames], setting=video.setting), row

    return change


def test_views_that_show_different_moments_disagree() -> None:
    floor, wrong = (found(SampsonErrors(), "cell", late(frames))["cross_view_px"] for frames in (0, 8))
    assert floor < 1
    assert wrong > 1.3 * floor


def blur(video: Video) -> Video:
    """Lose detail and colour, as predictions and codecs do."""
    soft_TCHW = interpolate(interpolate(video.video_CTHW.transpose(0, 1).float(), scale_factor=0.5, mode="area"), 64)
    return Video(video_CTHW=soft_TCHW.byte().transpose(0, 1), setting=video.setting)


def test_the_gripper_is_found_where_it_is_and_nowhere_in_an_empty_picture() -> None:
    floor = found(Gripper(), "factory")
    blurred = found(Gripper(), "factory", lambda v, row: (blur(v), row))
    aside = found(Gripper(), "factory", lambda v, row: (v, {**row, "state": row["state"] + np.array([0.2, 0.0, 0.0])}))
    blank = found(Gripper(), "factory", lambda v, row: (Video(video_CTHW=v.video_CTHW * 0, setting=v.setting), row))
    assert floor["end_effector_px"] < 0.7
    assert blurred["end_effector_px"] < 1.5
    assert floor["end_effector_hits"] == blurred["end_effector_hits"] == 1
    # The picture shows 1.24 m in 64 px.
    assert aside["end_effector_px"] == pytest.approx(0.2 * 64 / 1.24, abs=0.7)
    assert blank == {"end_effector_px": 64.0, "end_effector_hits": 0.0}


@pytest.mark.parametrize("metric", [Motion(), LatentDistance()], ids=["motion", "latents"])
def test_likeness_is_nought_of_the_same_video_and_grows_with_the_delay(metric: TaskMetric) -> None:
    truth, row = true_clip("factory", SEEDS[0])
    known = metric.know(truth, row)
    same, later = (next(iter(metric.measure(late(frames)(truth, row)[0], known).values())) for frames in (0, 4))
    assert same == 0
    assert later > 0.1


def test_given_frames_of_every_view_do_not_count() -> None:
    truth, row = true_clip("road", SEEDS[0])
    spoilt_CTHW = truth.video_CTHW.clone()
    spoilt_CTHW[:, ::FRAMES] = 0
    metric = LatentDistance()
    assert metric.measure(Video(video_CTHW=spoilt_CTHW, setting=truth.setting), metric.know(truth, row)) == {
        "latent_l2": 0
    }
