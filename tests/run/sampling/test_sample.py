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
from cosmos_recipes.training.families import sampling_of
from cosmos_recipes.training.world_model import WorldModel
from tests.run.sampling.models import MadeModel

Make = Callable[..., MadeModel]
VIEWS = {"views": ("left", "front"), "views+trajectory": ("front", "rear")}
"""The views of the models that have several, by their head, in the model's order."""


def request(made: MadeModel, folder: Path, **more: Any) -> SampleRequest:
    """Ask for what the first held-out clip shows, with all that its recording says."""
    recording, head = made.recording, made.plan.conditioning.head
    values = recording.values
    said: dict[str, Any] = {"frames": made.video}
    if head in ("text", *VIEWS):
        said["prompt"] = values["caption"]
    if head in VIEWS:
        said |= {"frames": None, "views": {view: recording.views[view].path for view in VIEWS[head]}}
    if head == "views+trajectory":
        said["trajectory"] = folder / "way.json"
        point_m_R3 = (np.linalg.inv(values["ego_pose"][0]) @ values["ego_pose"])[:, :3, 3]
        columns = dict(zip("xyz", point_m_R3.T.tolist(), strict=True))
        said["trajectory"].write_text(json.dumps({"time_s": list(recording.times_s), **columns}))
    if head == "action":
        said["actions"] = folder / "actions.csv"
        rows = [",".join(map(repr, row)) for row in np.float64(values["action"]).tolist()]
        said["actions"].write_text("\n".join(["dx,dy,grip", *rows]))
    if head == "camera":
        said["camera"] = str(folder / "camera.json")
        way = {"pose": values["pose"].tolist(), "intrinsics": values["intrinsics"].tolist()}
        Path(said["camera"]).write_text(json.dumps(way))
    return SampleRequest(model=str(made.run), **{**said, **more})


@pytest.mark.parametrize(
    ("family", "head", "batch", "most_apart"),
    [
        *(("diffusion", head, 1, 0) for head in ("none", "text", "action", "camera")),
        *(("diffusion", head, 2, 1) for head in ("views", "views+trajectory")),
        *(("autoregressive", head, 1, 0) for head in ("none", "text", "action", "camera", "views", "views+trajectory")),
    ],
)
def test_a_sample_is_what_the_evaluation_generated(
    made: Make, family: str, head: str, batch: int, most_apart: int, tmp_path: Path
) -> None:
    """Were the control read in other units, or the frames taken otherwise, the two would differ.

    Where the evaluation generates two clips at a time, matrices are multiplied in other blocks, and the sums are rounded
    in another order.
    """
    own = made(head, family)
    model = WorldModel.from_pretrained(own.folder)
    settings = replace(EvaluationSettings.from_plan(own.plan), batch=batch)
    clips = held_out(own.plan, own.prepared)
    generated = evaluate(model, clips, settings).samples[0]
    sampled_CTHW = along(sample(request(own, tmp_path, seed=own.plan.seed)).video_VCTHW)
    assert apart(sampled_CTHW, generated.prediction_CTHW) <= most_apart
    if generated.none_CTHW is not None:
        assert apart(sampled_CTHW, generated.none_CTHW) > most_apart


def along(video_VCTHW: Tensor) -> Tensor:
    """Return the views one after the other along T, as a model has them."""
    return video_VCTHW.transpose(0, 1).flatten(1, 2)


def apart(first: Tensor, second: Tensor) -> int:
    """Return by how many grey levels two videos differ where they differ most."""
    return int((first.int() - second.int()).abs().max())


def test_a_caption_that_is_optional_and_not_said_is_none(made: Make, tmp_path: Path) -> None:
    asked = request(made("views"), tmp_path, prompt=None)
    assert torch.equal(sample(asked).video_VCTHW, sample(replace(asked, no_control=True)).video_VCTHW)


def test_the_views_are_shown_in_a_grid_and_each_alone(made: Make, tmp_path: Path) -> None:
    asked = request(made("views+trajectory"), tmp_path, prompt=None, chunks=2)
    written = write_sample(sample(asked), tmp_path / "drive.mp4", each_view=True)
    assert [path.name for path in written] == ["drive.mp4", "drive-front.mp4", "drive-rear.mp4", "drive.json"]
    sizes = [(found.width_px, found.height_px, len(found.pts)) for found in map(probe, written[:3])]
    assert sizes == [(516, 256, 21), (256, 256, 21), (256, 256, 21)]


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


@pytest.mark.parametrize(
    ("family", "head"),
    [
        *(("diffusion", head) for head in ("none", "action", "camera", "views")),
        *(("autoregressive", head) for head in ("action", "views")),
    ],
)
def test_a_roll_out_has_every_frame_once(made: Make, family: str, head: str, tmp_path: Path) -> None:
    """The second chunk is what the model makes of the last frames of the first, under the control that follows."""
    own = made(head, family)
    long = sample(request(own, tmp_path, chunks=3)).video_VCTHW
    assert long.shape[2] == 13 + 2 * 8
    assert torch.equal(long[:, :, :13], sample(request(own, tmp_path)).video_VCTHW)
    # The poses of the same moment differ in their last bit.
    assert apart(long[:, :, 13:21], _second_chunk(own, long)[:, :, 5:]) <= 1
    short = sample(request(own, tmp_path, seconds_s=3.0)).video_VCTHW
    assert torch.equal(short, long[:, :, :15])


def _second_chunk(own: MadeModel, long_VCTHW: Tensor) -> Tensor:
    """Generate from what training would have cut from the recording eight frames later."""
    model, values = WorldModel.from_pretrained(own.folder), own.recording.values
    row: dict[str, Any] = {"caption": values["caption"]}
    if own.plan.conditioning.head == "action":
        canonical_SA = np.float64(values["action"][8:20]) * np.array([0.01, 0.01, 1])
        row["action"] = read_normalisers(own.prepared)[0]["action"].normalise(canonical_SA)
    if own.plan.conditioning.head == "camera":
        pose_T44 = np.float64(values["pose"][8:21])
        row["pose"] = np.float32(pose_T44 @ np.linalg.inv(pose_T44[0]))
        row["intrinsics"] = np.broadcast_to(np.float32(values["intrinsics"]), (13, 4))
    given_BCTHW = along(long_VCTHW[:, :, 8:13])[None]
    sampling = sampling_of(own.plan.backbone.objective, own.plan.evaluate)
    generated_BCTHW = model.generate(
        given_BCTHW, model.collate([row]), frames=13, sampling=sampling, guidance=1.0, seeds=[1]
    )
    return generated_BCTHW[0].unflatten(1, (len(long_VCTHW), -1)).transpose(0, 1)


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
