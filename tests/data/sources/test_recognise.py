"""`new dataset` is told what lies at a path, with the settings that read it and the shapes of what is in it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset
from layouts import LAYOUTS
from scenes import write_scene
from videos import write_video

from cosmos_recipes.data.sources import source_names
from cosmos_recipes.data.sources.patterns import by_recording, views_named
from cosmos_recipes.data.sources.recognise import Form, recognise, recognise_below
from cosmos_recipes.worlds.writer import write_world


def test_a_shard_is_recognised_with_the_forms_of_its_values(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=2).read_bytes()
    (tmp_path / "shards").mkdir()
    with webdataset.TarWriter(str(tmp_path / "shards" / "a.tar")) as shard:
        for number in range(2):
            json_ = {"action": [[0.0, 1.0]] * (number + 3), "grip": 1, "names": ["x", "y"]}
            shard.write({"__key__": f"{number}", "mp4": clip, "txt": "words", "json": json_})
    (found,) = recognise(tmp_path / "shards")
    assert (found.kind, found.views) == ("webdataset", ("video",))
    assert found.values == {
        "txt": Form(dtype="text"),
        "action": Form(dtype="float64", shape=(None, 2)),
        "grip": Form(dtype="int64"),
        "names": Form(dtype="text", shape=(2,)),
    }


def test_a_scene_is_recognised_without_writing_its_video(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene", images="images_8", height=8, width=12)
    (found,) = recognise(scene)
    assert (found.kind, found.settings["images"]) == ("nerfstudio", "images_8")
    assert found.values["pose"] == Form(dtype="float64", shape=(4, 4, 4))
    assert found.values["intrinsics"] == Form(dtype="float64", shape=(4, 4))


def test_layouts_are_recognised_before_the_folder_that_they_are_as_well(tmp_path: Path) -> None:
    write_video(tmp_path / "videos" / "a.mp4", frames=2)
    (tmp_path / "metas").mkdir()
    (tmp_path / "metas" / "a.txt").write_text("a part falls")
    found = recognise(tmp_path)
    assert [(each.kind, each.settings.get("layout")) for each in found] == [("cosmos", "predict1"), ("folder", None)]
    assert found[0].values == {"caption": Form(dtype="text")}
    assert [each.kind for each in recognise(tmp_path / "videos" / "a.mp4")] == ["folder"]
    assert recognise(tmp_path / "metas") == []


def test_a_world_is_recognised_as_itself(tmp_path: Path) -> None:
    write_world(
        tmp_path, world="factory", episodes=2, held_out=1, frames=17, rate_hz=5.0, height_px=32, width_px=32, seed=3
    )
    world = recognise(tmp_path)[0]
    assert world.kind == "world"
    assert (world.settings["episodes"], world.settings["held_out"], world.settings["seed"]) == (2, 1, 3)
    steps = Form(dtype="float64", shape=(17, 3))
    assert world.values == {"caption": Form(dtype="text"), "action": steps, "state": steps}


def test_data_that_cannot_be_read_is_recognised_with_what_is_wrong(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene")
    told = json.loads((scene / "transforms.json").read_text())
    (scene / "transforms.json").write_text(json.dumps({"frames": told["frames"]}))
    (found,) = recognise(scene)
    assert [problem.code for problem in found.problems] == ["CR554"]
    (scene / "transforms.json").write_text("{")
    (found,) = recognise(scene)
    assert [problem.code for problem in found.problems] == ["CR554"]


def test_each_source_is_recognised_as_itself_before_as_anything_else(tmp_path: Path) -> None:
    for kind in source_names():
        LAYOUTS[kind](tmp_path / kind)
        assert recognise(tmp_path / kind)[0].kind == kind
    assert recognise_below(tmp_path) == {kind: kind for kind in source_names() if kind != "folder"}


def test_a_table_is_recognised_with_its_names_times_splits_and_where_its_paths_start(tmp_path: Path) -> None:
    LAYOUTS["parquet"](tmp_path / "data")
    found = recognise(tmp_path / "data")[0]
    settings = {key: value for key, value in found.settings.items() if key not in ("path", "root")}
    assert settings == {"videos": ["clip"], "id": "uuid", "times": "time_s", "split": "split"}
    assert found.settings["root"] == str(tmp_path / "data")


def test_a_table_without_videos_is_none(tmp_path: Path) -> None:
    rows = {"file": ["a.txt"], "content": [b"no video at all"], "video": ["not one either"], "n": [1]}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")
    assert recognise(tmp_path) == []


def test_a_tar_without_videos_and_texts_that_are_no_camera_paths_are_none(tmp_path: Path) -> None:
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as shard:
        shard.write({"__key__": "0", "txt": "words"})
    (tmp_path / "b.tar").write_bytes(b"no tar")
    (tmp_path / "read.txt").write_text("https://example.org\nis where it is from\n")
    assert recognise(tmp_path) == []


def test_a_compressed_shard_is_recognised_with_what_is_wrong(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", frames=2)
    (tmp_path / "shards").mkdir()
    with tarfile.open(tmp_path / "shards" / "a.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "clip.mp4", "0.mp4")
    (found,) = recognise(tmp_path / "shards")
    assert [problem.code for problem in found.problems] == ["CR551"]


@pytest.mark.parametrize(
    ("names", "views"),
    [
        (["front.mp4", "front_left.mp4"], {"front": "front.mp4", "front_left": "front_left.mp4"}),
        (
            ["a_left.mp4", "a-b_left.mp4", "a_right.mp4", "a-b_right.mp4"],
            {"left": "*_left.mp4", "right": "*_right.mp4"},
        ),
        (["x/cam0.mp4", "x/cam1.mp4", "y/cam0.mp4", "y/cam1.mp4"], {"cam0": "*/cam0.mp4", "cam1": "*/cam1.mp4"}),
        (["wrist/1.mp4", "wrist/2.mp4", "top/1.mp4", "top/2.mp4"], {"wrist": "wrist/*.mp4", "top": "top/*.mp4"}),
        (["a_left.mp4", "b_right.mp4"], None),
        (["a_left.mp4", "a_right.mp4", "b_left.mp4"], None),
        (["turn.mp4", "a_left.mp4", "a_right.mp4"], None),
        (["a_front.mp4"], None),
        ([], None),
    ],
)
def test_views_are_seen_in_names_only_where_every_recording_has_them_all(
    names: list[str], views: dict[str, str] | None
) -> None:
    assert views_named(names) == views
    if views:
        recordings = by_recording({name: Path(name) for name in names}, views, Path("all"))
        assert sorted(str(path) for each in recordings.values() for path in each.values()) == sorted(names)


def test_videos_that_did_not_run_together_are_recordings_of_their_own(tmp_path: Path) -> None:
    write_video(tmp_path / "push_left.mp4", frames=4)
    write_video(tmp_path / "push_right.mp4", frames=5)
    assert "views" not in recognise(tmp_path)[0].settings
    write_video(tmp_path / "push_right.mp4", frames=4)
    assert recognise(tmp_path)[0].views == ("left", "right")
