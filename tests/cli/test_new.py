"""What a person sees of `new dataset`, from a folder of recordings to a file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
from layouts import LAYOUTS
from videos import write_video

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def new(tmp_path: Path) -> Call:
    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cosmos_recipes", "new", "dataset", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return call


def test_it_says_what_it_saw_what_it_wrote_and_what_is_left_to_the_user(new: Call, tmp_path: Path) -> None:
    LAYOUTS["lerobot"](tmp_path / "My arm")
    done = new("My arm")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "My arm is a data set of the kind `lerobot`; it can also be read with `--kind cosmos` or `--kind folder`."
        in (done.stdout)
    )
    assert "4 recordings in h264" in done.stdout
    assert "  action                    float32 (n, 2)" in done.stdout
    assert "Wrote datasets/my-arm.yaml for the schema action-frame; multi-view, instruction-video" in done.stdout
    assert 'datasets/my-arm.yaml:17  unit: "?"' in done.stdout
    written = (tmp_path / "datasets" / "my-arm.yaml").read_text()
    assert "path: ../My arm\n" in written
    assert written.splitlines()[16].strip().startswith('unit: "?"')


def test_it_overwrites_nothing(new: Call, tmp_path: Path) -> None:
    write_video(tmp_path / "clips" / "a.mp4", frames=2)
    (tmp_path / "mine.yaml").write_text("mine")
    done = new("clips", "--out", "mine.yaml")
    assert (done.returncode, (tmp_path / "mine.yaml").read_text()) == (2, "mine")
    assert "mine.yaml exists" in done.stderr
    assert new("clips", "--out", "there/other.yaml").returncode == 0
    assert "path: ../clips\n" in (tmp_path / "there" / "other.yaml").read_text()


def test_the_schema_and_the_kind_can_be_chosen(new: Call, tmp_path: Path) -> None:
    LAYOUTS["lerobot"](tmp_path / "arm")
    done = new("arm", "--kind", "folder", "--schema", "instruction-video")
    assert done.returncode == 0
    assert "kind: folder\n" in (tmp_path / "datasets" / "arm.yaml").read_text()
    wrong = new("arm", "--kind", "lerobto", "--out", "b.yaml")
    assert wrong.returncode == 3
    assert "did you mean `lerobot`?" in wrong.stderr
    assert "did you mean `pose`?" in new("arm", "--schema", "poses", "--out", "b.yaml").stderr
    assert not (tmp_path / "b.yaml").exists()


def test_what_no_source_reads_is_told_with_what_each_looks_for(new: Call, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    assert "an empty folder" in new("frames").stderr
    for number in range(3):
        Image.new("RGB", (8, 8)).save(tmp_path / "frames" / f"{number}.png")
    done = new("frames")
    assert done.returncode == 3
    assert "CR590" in done.stderr
    assert "files: 3 .png" in done.stderr
    assert "  lerobot        a folder with meta/info.json, data and videos" in done.stderr
    assert not (tmp_path / "datasets").exists()


def test_a_folder_of_data_sets_is_told_apart_from_one(new: Call, tmp_path: Path) -> None:
    LAYOUTS["lerobot"](tmp_path / "all" / "arm")
    LAYOUTS["folder"](tmp_path / "all" / "clips")
    assert "better named one by one: arm (lerobot)." in new("all").stdout


def test_data_that_cannot_be_used_yet_is_told_and_drafted(new: Call, tmp_path: Path) -> None:
    LAYOUTS["realestate10k"](tmp_path / "homes")
    (tmp_path / "homes" / "bb.txt").write_text((tmp_path / "homes" / "aa.txt").read_text().replace("v=aa", "v=bb"))
    done = new("homes")
    assert done.returncode == 0
    assert "It cannot be used before this is settled" in done.stdout
    assert "CR553 the video of bb is not there" in done.stdout
    assert (tmp_path / "datasets" / "homes.yaml").is_file()


def test_data_of_a_kind_that_cannot_be_read_is_refused_for_its_reason(new: Call, tmp_path: Path) -> None:
    LAYOUTS["lerobot"](tmp_path / "old")
    info = tmp_path / "old" / "meta" / "info.json"
    info.write_text(info.read_text().replace('"v3.0"', '"v1.6"'))
    done = new("old")
    assert done.returncode == 3
    assert "looks like a data set of the kind `lerobot`, but cannot be read" in done.stdout
    assert "CR530" in done.stderr
