"""The layouts of NVIDIA's repositories are read as they are, every view, window and text at its own recording."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from videos import write_video

from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.data.sources.cosmos import CosmosSource
from cosmos_recipes.diagnostics import RecipeError

MATRIX = " ".join(map(str, [1, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, 1, 0]))


def quiet(what: str, done: int, total: int) -> None:
    """Take the progress."""


def source(path: Path, layout: str, **settings: object) -> CosmosSource:
    return CosmosSource.model_validate({"path": str(path), "layout": layout, **settings})


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def frames_of(media: Media) -> list[int]:
    """Return the frames that lie in a stretch, by the rule of `Media`."""
    looked = probe(media.path)
    start = media.start_s if media.start_s is not None else -1.0
    end = media.end_s if media.end_s is not None else 1e9
    return [number for number, pts in enumerate(looked.pts) if start <= pts * looked.seconds_per_pts < end]


def test_predict1_has_a_text_for_each_video_and_folders_for_splits(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_video(tmp_path / split / "videos" / "a.mp4", frames=3)
        write(tmp_path / split / "metas" / "a.txt", " a part falls \n")
    own = source(tmp_path, "predict1")
    train, val = own.recordings(tmp_path, quiet)
    assert (train.name, train.split, train.values) == ("train/a", "train", {"caption": "a part falls"})
    assert (val.name, val.split) == ("val/a", "held-out")
    assert own.describe().codecs == {"h264": 2}
    alone = source(tmp_path / "train", "predict1").recordings(tmp_path, quiet)
    assert [(each.name, each.split) for each in alone] == [("a", None)]
    write(tmp_path / "train" / "metas" / "b.txt", "without a video")
    with pytest.raises(RecipeError, match="CR553: the video of train/b is not there"):
        own.recordings(tmp_path, quiet)
    assert len(source(tmp_path, "predict1", on_missing="drop").recordings(tmp_path, quiet)) == 2


def test_predict2_5_captions_has_the_captions_of_the_first_model_by_their_length(tmp_path: Path) -> None:
    write_video(tmp_path / "videos" / "a.mp4", frames=3)
    captions = {"vlm": {"long": " an arm lifts a part ", "short": "an arm"}, "other": {"long": "no"}}
    write(tmp_path / "captions" / "a.json", json.dumps(captions))
    own = source(tmp_path, "predict2.5-captions")
    (found,) = own.recordings(tmp_path, quiet)
    long = "an arm lifts a part"
    assert found.values == {"caption": long, "caption.long": long, "caption.short": "an arm"}
    assert CosmosSource.recognises(tmp_path) == {"path": str(tmp_path), "layout": "predict2.5-captions"}
    write(tmp_path / "captions" / "b.json", json.dumps(captions))
    with pytest.raises(RecipeError, match="CR553: the video of b is not there"):
        own.recordings(tmp_path, quiet)
    (tmp_path / "captions" / "b.json").unlink()
    write(tmp_path / "captions" / "a.json", '{"vlm": {"long": 3}}')
    with pytest.raises(RecipeError, match=r"a\.json holds no captions"):
        own.recordings(tmp_path, quiet)


def test_predict1_action_has_the_views_and_rows_of_its_annotation(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_video(tmp_path / "videos" / split / "0" / "rgb.mp4", frames=3)
        told = {
            "texts": ["lift the pot", "raise it"],
            "videos": [{"video_path": f"videos/{split}/0/rgb.mp4"}],
            "state": [[0.0] * 7] * 3,
            "action": [[0.0] * 7] * 2,
            "continuous_gripper_state": [0, 1, 1],
            "episode_id": 0,
        }
        write(tmp_path / "annotation" / split / "0.json", json.dumps(told))
    found = source(tmp_path, "predict1-action").recordings(tmp_path, quiet)
    assert [(each.name, each.split) for each in found] == [("test/0", "held-out"), ("train/0", "train")]
    values = found[0].values
    assert list(found[0].views) == ["rgb"]
    assert (values["state"].shape, values["action"].shape) == ((3, 7), (2, 7))
    assert values["continuous_gripper_state"].tolist() == [0, 1, 1]
    assert (values["text"], values["texts"].tolist()) == ("lift the pot", ["lift the pot", "raise it"])
    write(tmp_path / "annotation" / "train" / "1.json", json.dumps({"videos": "rgb.mp4"}))
    with pytest.raises(RecipeError, match=r"CR554: 1\.json names no videos"):
        source(tmp_path, "predict1-action", on_missing="drop").recordings(tmp_path, quiet)


def test_predict2_multiview_has_a_view_and_a_caption_for_each_camera(tmp_path: Path) -> None:
    for camera in ("pinhole_front", "pinhole_side_left"):
        write_video(tmp_path / "videos" / camera / "drive.mp4", frames=3)
    write(tmp_path / "metas" / "pinhole_front" / "drive.txt", "a road")
    own = source(tmp_path, "predict2-multiview")
    (found,) = own.recordings(tmp_path, quiet)
    assert list(found.views) == ["pinhole_front", "pinhole_side_left"]
    assert found.values == {"caption": "a road"}
    write(tmp_path / "captions" / "pinhole_side_left" / "drive.json", json.dumps({"caption": "a hedge"}))
    (both,) = own.recordings(tmp_path, quiet)
    assert both.values == {"caption.pinhole_front": "a road", "caption.pinhole_side_left": "a hedge"}
    write_video(tmp_path / "videos" / "pinhole_front" / "other.mp4", frames=3)
    with pytest.raises(RecipeError) as raised:
        own.recordings(tmp_path, quiet)
    assert raised.value.problems[0].found == "none of pinhole_side_left"


def test_predict25_camera_has_the_trajectories_and_lenses_of_its_video(tmp_path: Path) -> None:
    for name in ("a", "a_long"):
        write_video(tmp_path / "videos" / f"{name}.mp4", frames=3)
        write(tmp_path / "camera_trajectories" / f"{name}.txt", f"{MATRIX}\n" * 3)
    write(tmp_path / "camera_trajectories" / "a_long_camera_tgt_0.txt", f"{MATRIX}\n" * 2)
    write(tmp_path / "camera_trajectories" / "a_long_intrinsics_0.txt", "525 525 320 240\n" * 3)
    write(tmp_path / "camera_trajectories" / "intrinsics_focal525.txt", "525 0 320\n0 525 240\n0 0 1\n")
    short, long = source(tmp_path, "predict2.5-camera").recordings(tmp_path, quiet)
    assert short.values.keys() == {"intrinsics", "pose"}
    assert short.values["pose"].shape == (3, 3, 4)
    assert short.values["pose"][0].tolist() == [[1, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0]]
    assert short.values["intrinsics"].tolist() == [[525, 0, 320], [0, 525, 240], [0, 0, 1]]
    assert long.values["camera_tgt_0"].shape == (2, 3, 4)
    assert long.values["intrinsics_0"].shape == (3, 4)
    (tmp_path / "camera_trajectories" / "a.txt").unlink()
    with pytest.raises(RecipeError, match="CR553: the camera trajectory of a is not there"):
        source(tmp_path, "predict2.5-camera").recordings(tmp_path, quiet)


def write_rows(folder: Path, *windows: dict[str, object], video: str = "a.mp4") -> Path:
    row = {"uuid": "u1", "vision_path": video, "width": 96, "height": 64, "t2w_windows": list(windows)}
    return write(folder / "video_dataset_file.jsonl", json.dumps(row) + "\n")


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_a_window_of_a_jsonl_is_exactly_its_frames(tmp_path: Path, codec: str) -> None:
    write_video(tmp_path / "a.mp4", frames=30, rate=24, codec=codec)
    spans = [(0, 9), (10, 19), (20, 29), (25, 99)]
    file = write_rows(tmp_path, *({"start_frame": a, "end_frame": b, "caption": f"{a}"} for a, b in spans))
    found = source(file, "jsonl").recordings(tmp_path, quiet)
    assert [frames_of(each.media) for each in found] == [[*range(a, min(b, 29) + 1)] for a, b in spans]
    assert [each.values["caption"] for each in found] == ["0", "10", "20", "25"]
    assert found[1].name == "u1/000010-000019"


def test_a_jsonl_keeps_its_structured_captions_and_reads_no_embeddings(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=5)
    write(tmp_path / "t5_xxl" / "a.pickle", "nothing that may be loaded")
    write_rows(tmp_path, {"start_frame": 0, "end_frame": 4, "temporal_interval": 2, "caption_json": {"scene": "ä"}})
    (found,) = source(tmp_path, "jsonl").recordings(tmp_path, quiet)
    assert found.values == {"temporal_interval": 2, "caption_json": '{"scene": "ä"}'}


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({"start_frame": 30, "end_frame": 40}, "CR559"),
        ({"start_frame": 3, "end_frame": 2}, "CR559"),
        ({"start_frame": -1, "end_frame": 2}, "CR554"),
        ({"start_frame": 0}, "CR554"),
    ],
)
def test_a_window_that_cannot_be_is_named_with_its_line(tmp_path: Path, window: dict[str, object], code: str) -> None:
    write_video(tmp_path / "a.mp4", frames=5)
    file = write_rows(tmp_path, window)
    with pytest.raises(RecipeError) as raised:
        source(file, "jsonl").recordings(tmp_path, quiet)
    problem = raised.value.problems[0]
    assert problem.code == code
    assert problem.place is not None and (problem.place.file, problem.place.line) == (str(file), 1)


def test_a_damaged_video_of_a_jsonl_is_left_to_the_index(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", "no video")
    (found,) = source(write_rows(tmp_path, {"start_frame": 0, "end_frame": 4}), "jsonl").recordings(tmp_path, quiet)
    assert found.media == Media(path=tmp_path / "a.mp4")


@pytest.mark.parametrize(
    "layout",
    ["predict1", "predict1-action", "predict2-multiview", "predict2.5-camera", "predict2.5-captions", "jsonl"],
)
def test_a_path_of_another_layout_is_refused_with_what_it_has_to_hold(tmp_path: Path, layout: str) -> None:
    with pytest.raises(RecipeError, match="CR558"):
        source(tmp_path, layout).describe()
    with pytest.raises(RecipeError, match="CR558"):
        source(tmp_path / "nowhere", layout).describe()


def test_rows_of_other_lengths_are_named(tmp_path: Path) -> None:
    write_video(tmp_path / "videos" / "a.mp4", frames=3)
    write(tmp_path / "camera_trajectories" / "a.txt", f"{MATRIX}\n{MATRIX} 1\n")
    with pytest.raises(RecipeError) as raised:
        source(tmp_path, "predict2.5-camera").recordings(tmp_path, quiet)
    problem = raised.value.problems[0]
    assert problem.place is not None and problem.place.line == 2
    assert np.isin(["12 numbers", "13 numbers"], [problem.expected, problem.found]).all()
