"""A sample is what the evaluation saw, goes on chunk by chunk without a seam, and can be had again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from cosmos_recipes.data.decode.frames import read_frames
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.statistics import read_normalisers
from cosmos_recipes.evaluation.evaluate import EvaluationSettings, evaluate
from cosmos_recipes.run.results import held_out
from cosmos_recipes.run.sample import SampleRequest, sample, write_sample
from cosmos_recipes.training.world_model import WorldModel
from tests.run.sampling.models import MadeModel

Make = Callable[[str], MadeModel]


def request(made: MadeModel, folder: Path, **more: Any) -> SampleRequest:
    """Ask for what the first held-out clip shows, with all that its recording says."""
    values, head = made.recording.values, made.plan.conditioning.head
    said: dict[str, Any] = {}
    if head == "text":
        said["prompt"] = values["caption"]
    if head == "action":
        said["actions"] = folder / "actions.csv"
        rows = [",".join(map(repr, row)) for row in np.float64(values["action"]).tolist()]
        said["actions"].write_text("\n".join(["dx,dy,grip", *rows]))
    if head == "camera":
        said["camera"] = str(folder / "camera.json")
        way = {"pose": values["pose"].tolist(), "intrinsics": values["intrinsics"].tolist()}
        Path(said["camera"]).write_text(json.dumps(way))
    return SampleRequest(model=str(made.run), frames=made.video, **{**said, **more})


@pytest.mark.parametrize("head", ["none", "text", "action", "camera"])
def test_a_sample_is_what_the_evaluation_generated(made: Make, head: str, tmp_path: Path) -> None:
    """Were the control read in other units, or the frames taken otherwise, the two would differ."""
    own = made(head)
    model = WorldModel.from_pretrained(own.folder)
    settings = replace(EvaluationSettings.from_plan(own.plan), batch=1)
    clips = held_out(own.plan, own.prepared)
    generated = evaluate(model, clips, settings).samples[0].prediction_CTHW
    sampled = sample(request(own, tmp_path, seed=own.plan.seed))
    assert torch.equal(sampled.video_VCTHW[0], generated)


def test_the_control_changes_what_is_sampled(made: Make, tmp_path: Path) -> None:
    asked = request(made("camera"), tmp_path)
    video = sample(asked).video_VCTHW
    for other in (
        replace(asked, reverse=True),
        replace(asked, fov_rad=0.5),
        replace(asked, camera="forward 1 m and yaw 30 deg"),
        replace(asked, camera=None, no_control=True),
        replace(asked, seed=1),
    ):
        assert not torch.equal(sample(other).video_VCTHW, video)


@pytest.mark.parametrize("head", ["none", "action", "camera"])
def test_a_roll_out_has_every_frame_once(made: Make, head: str, tmp_path: Path) -> None:
    """The second chunk is what the model makes of the last frames of the first, under the control that follows."""
    own = made(head)
    long = sample(request(own, tmp_path, chunks=3)).video_VCTHW[0]
    assert long.shape[1] == 13 + 2 * 8
    assert torch.equal(long[:, :13], sample(request(own, tmp_path)).video_VCTHW[0])
    apart = long[:, 13:21].int() - _second_chunk(own, long)[:, 5:].int()
    # The poses of the same moment differ in their last bit.
    assert apart.abs().max() <= 1
    short = sample(request(own, tmp_path, seconds_s=3.0)).video_VCTHW[0]
    assert torch.equal(short, long[:, :15])


def _second_chunk(own: MadeModel, long_CTHW: Tensor) -> Tensor:
    """Generate from what training would have cut from the recording eight frames later."""
    model, values = WorldModel.from_pretrained(own.folder), own.recording.values
    row: dict[str, Any] = {}
    if own.plan.conditioning.head == "action":
        canonical_SA = np.float64(values["action"][8:20]) * np.array([0.01, 0.01, 1])
        row["action"] = read_normalisers(own.prepared)[0]["action"].normalise(canonical_SA)
    if own.plan.conditioning.head == "camera":
        pose_T44 = np.float64(values["pose"][8:21])
        row["pose"] = np.float32(pose_T44 @ np.linalg.inv(pose_T44[0]))
        row["intrinsics"] = np.broadcast_to(np.float32(values["intrinsics"]), (13, 4))
    return model.generate(long_CTHW[None, :, 8:13], model.collate([row]), frames=13, steps=2, guidance=1.0, seeds=[1])[
        0
    ]


def test_one_frame_is_enough_where_the_model_was_trained_so(made: Make, tmp_path: Path) -> None:
    own = made("none")
    picture = tmp_path / "start.png"
    _picture(own.video).save(picture)
    long = sample(SampleRequest(model=str(own.run), frames=picture, given=1, chunks=2)).video_VCTHW[0]
    assert long.shape[1] == 21
    assert torch.equal(long[:, :13], sample(request(own, tmp_path, given=1)).video_VCTHW[0])


def _picture(video: Path) -> Image.Image:
    """Return the first frame, as it is decoded for training."""
    found = probe(video)
    size = {"height_px": found.height_px, "width_px": found.width_px}
    frame_CHW = read_frames(video, found, [0], backends={}, **size)[:, 0]
    return Image.fromarray(frame_CHW.permute(1, 2, 0).numpy())


def test_a_folder_of_pictures_is_a_video_in_the_order_of_its_numbers(made: Make, tmp_path: Path) -> None:
    for number in range(12):
        Image.new("RGB", (64, 64), (20 * number, 0, 0)).save(tmp_path / f"{number}.png")
    own = made("none")
    for last, reds in ((False, [0, 20, 40, 60, 80]), (True, [140, 160, 180, 200, 220])):
        video = sample(SampleRequest(model=str(own.run), frames=tmp_path, last=last)).video_VCTHW
        assert video[0, 0, :5, 0, 0].tolist() == reds


def test_the_same_request_writes_the_same_bytes_and_says_how_to_repeat_them(made: Make, tmp_path: Path) -> None:
    asked = request(made("text"), tmp_path)
    first, said = write_sample(sample(asked), tmp_path / "first.mp4")
    repeated = json.loads(said.read_text())["asked"]
    again = SampleRequest(**{**repeated, "frames": Path(repeated["frames"]), "runs": Path(repeated["runs"])})
    second, _ = write_sample(sample(again), tmp_path / "second.mp4")
    assert first.read_bytes() == second.read_bytes()
    told = json.loads(said.read_text())
    assert told["files"][str(asked.frames)]
    assert told["video"] == {"frames": 13, "rate_hz": 5.0, "given": 5, "chunks": 1}
