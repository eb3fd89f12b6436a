"""Pictures of a scene become a video without a change of a pixel, and their lenses follow their real size."""

from __future__ import annotations

import json
import math
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from scenes import pixels, write_scene

from cosmos_recipes.data.decode.fitting import fitting
from cosmos_recipes.data.decode.pyav import decode
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.sources.nerfstudio import NerfstudioSource
from cosmos_recipes.diagnostics import RecipeError


def quiet(what: str, done: int, total: int) -> None:
    """Take the progress."""


def edit(scene: Path, **told: object) -> None:
    file = scene / "transforms.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | told))


def source(path: Path, **settings: object) -> NerfstudioSource:
    return NerfstudioSource.model_validate({"path": str(path), "rate": 10.0, **settings})


def shown(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize(("height", "width"), [(64, 96), (33, 47)])
def test_every_pixel_and_every_time_is_that_of_the_pictures(tmp_path: Path, height: int, width: int) -> None:
    scene = write_scene(tmp_path / "scene", height=height, width=width)
    (found,) = source(scene, rate=7.5).recordings(tmp_path / "made", quiet)
    expected = np.stack([pixels(number, height=height, width=width) for number in range(4)])
    assert np.array_equal(shown(found.media.path), expected)
    looked = probe(found.media.path)
    assert (looked.codec, looked.height_px, looked.width_px) == ("ffv1", height, width)
    assert looked.times_s == pytest.approx([0, 1 / 7.5, 2 / 7.5, 3 / 7.5], abs=1e-3)
    assert len(looked.keyframes) == 4


def test_the_decoder_of_training_gives_the_same_pixels(tmp_path: Path) -> None:
    (found,) = source(write_scene(tmp_path / "scene")).recordings(tmp_path, quiet)
    looked = probe(found.media.path)
    unchanged = fitting(looked, height_px=looked.height_px, width_px=looked.width_px)
    video_TCHW = decode(found.media, looked, [0, 2], unchanged)
    difference = video_TCHW.permute(0, 2, 3, 1).numpy().astype(int) - np.stack([pixels(0), pixels(2)])
    assert abs(difference).max() == 0


def test_poses_are_as_in_the_file_and_lenses_as_the_pictures_are(tmp_path: Path) -> None:
    scene = write_scene(
        tmp_path / "scene",
        images="images_4",
        height=16,
        width=24,
        k1=0.1,
        p2=-0.2,
        camera_model="OPENCV",
        applied_transform=[[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0]],
    )
    (found,) = source(scene, images="images_4").recordings(tmp_path, quiet)
    assert found.values["pose"].shape == (4, 4, 4)
    assert found.values["pose"][:, 0, 3].tolist() == [0, 1, 2, 3]
    assert found.values["intrinsics"].tolist() == [[20, 21, 12.125, 8]] * 4
    assert found.values["distortion"].tolist() == [[0.1, 0, 0, -0.2]] * 4
    assert found.values["applied_transform"].shape == (3, 4)
    assert found.values["camera_model"] == "OPENCV"


def test_a_lens_of_each_frame_wins_and_an_angle_is_a_lens(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene", frames=2)
    told = json.loads((scene / "transforms.json").read_text())
    told["frames"][1] |= {"fl_x": 90.0}
    edit(scene, frames=told["frames"])
    assert source(scene).first(1)[0].values["intrinsics"][:, 0].tolist() == [80, 90]
    blender = {
        "camera_angle_x": math.pi / 2,
        "frames": [{**row, "file_path": row["file_path"][:-4]} for row in told["frames"][:1]],
    }
    (scene / "transforms.json").write_text(json.dumps(blender))
    assert source(scene).first(1)[0].values["intrinsics"][0] == pytest.approx([48, 48, 48, 32])


def test_the_order_is_the_files_or_that_of_the_names(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene", frames=11)
    frames = json.loads((scene / "transforms.json").read_text())["frames"]
    edit(scene, frames=sorted(frames, key=lambda row: row["file_path"]))
    by_file, by_name = (source(scene, order=order).recordings(tmp_path, quiet)[0] for order in ("file", "name"))
    assert by_file.values["pose"][:3, 0, 3].tolist() == [0, 1, 10]
    assert by_name.values["pose"][:, 0, 3].tolist() == list(range(11))
    assert np.array_equal(shown(by_file.media.path)[2], pixels(10))
    assert np.array_equal(shown(by_name.media.path)[2], pixels(2))


def test_a_picture_that_is_gone_is_an_error_or_dropped_with_its_pose(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene")
    (scene / "images" / "frame_1.png").unlink()
    with pytest.raises(RecipeError) as raised:
        source(scene).describe()
    assert raised.value.problems[0].code == "CR553"
    assert raised.value.problems[0].found == "no frame_1.png"
    lenient = source(scene, on_missing="drop")
    (found,) = lenient.recordings(tmp_path, quiet)
    assert found.values["pose"][:, 0, 3].tolist() == [0, 2, 3]
    assert np.array_equal(shown(found.media.path)[1], pixels(2))
    assert len(lenient.describe().problems) == 1


def test_a_video_is_written_once_and_again_when_a_picture_changes(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scenes/train/a")
    write_scene(tmp_path / "scenes/val/b")
    own = source(tmp_path / "scenes")
    first, stamp = own.recordings(tmp_path / "made", quiet), own.fingerprint()
    assert [(each.name, each.split) for each in first] == [("train/a", "train"), ("val/b", "held-out")]
    written = first[0].media.path.stat().st_mtime_ns
    assert own.recordings(tmp_path / "made", quiet)[0].media.path.stat().st_mtime_ns == written
    Image.fromarray(pixels(99)).save(scene / "images" / "frame_0.png")
    assert own.fingerprint() != stamp
    assert np.array_equal(shown(own.recordings(tmp_path / "made", quiet)[0].media.path)[0], pixels(99))


def test_what_is_see_through_lies_on_white(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene", frames=1)
    Image.new("RGBA", (96, 64), (10, 20, 30, 0)).save(scene / "images" / "frame_0.png")
    (found,) = source(scene).recordings(tmp_path, quiet)
    assert shown(found.media.path).min() == 255


def test_pictures_of_two_sizes_half_a_picture_and_16_bits_are_refused(tmp_path: Path) -> None:
    for name, spoil in {
        "size": lambda path: Image.new("RGB", (64, 96)).save(path),
        "half": lambda path: path.write_bytes(path.read_bytes()[:9000]),
        "deep": lambda path: Image.fromarray(np.zeros((64, 96), np.uint16)).save(path),
    }.items():
        scene = write_scene(tmp_path / name)
        spoil(scene / "images" / "frame_2.png")
        with pytest.raises(RecipeError, match=r"CR557: the picture frame_2\.png"):
            source(scene).recordings(tmp_path / "made", quiet)
        assert not list((tmp_path / "made").glob("*.mkv"))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"frames": []}, "has no frames"),
        ({"frames": [{"file_path": "images/frame_0.png", "transform_matrix": [[1, 0]]}]}, "no pose"),
        ({"frames": [{"transform_matrix": []}]}, "says of frame 0 no picture"),
        ({"fl_x": "wide"}, "does not say the lens"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, told: dict[str, object], words: str) -> None:
    scene = write_scene(tmp_path / "scene")
    edit(scene, **told)
    with pytest.raises(RecipeError, match=f"CR554: the transforms.json of scene {words}|CR554.*{words}"):
        source(scene).recordings(tmp_path, quiet)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match="CR558"):
        source(tmp_path / "empty").describe()
