"""`new dataset` is told what lies at a path, with the settings that read it and the shapes of what is in it."""

from __future__ import annotations

import json
from pathlib import Path

import webdataset
from scenes import write_scene
from videos import write_video

from cosmos_recipes.data.sources.recognise import Form, recognise
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
