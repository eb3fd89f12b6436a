"""What a person sees who names the wrong thing, or a place that cannot be used: a sentence, never a traceback."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cosmos_recipes.cli.failures import of_disk
from cosmos_recipes.data.synthesize import SynthesisSpec, synthesize
from cosmos_recipes.diagnostics import Place
from cosmos_recipes.files import unfinished

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = SynthesisSpec(recordings=8, frames=9, height_px=16, width_px=16, codec="mjpeg")
    return synthesize("action-frame", tmp_path_factory.mktemp("data") / "arm", spec, lambda what, done, total: None)


def call(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cosmos_recipes", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("data", "check", "ARM", "-o", "."),
        ("data", "check", "ARM", "--runs", "a-file"),
        ("data", "preview", "ARM", "-o", "a-file"),
        ("cp", "factory", "a-file/copy.yaml"),
        ("run", "factory", "--runs", "a-file"),
    ],
    ids=" ".join,
)
def test_a_place_that_cannot_be_used_is_named(arm: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "a-file").write_text("keep me")
    done = call(tmp_path, *(str(arm) if each == "ARM" else each for each in arguments))
    assert (done.returncode, "CR204" in done.stderr) == (2, True), done.stderr
    assert (tmp_path / "a-file").read_text() == "keep me"


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [("--rate", "0 Hz", "not a rate above zero"), ("--size", "99999x99999", "more than 16384 pixels on a side")],
)
def test_a_window_that_nothing_has_is_refused_and_not_ignored(
    arm: Path, tmp_path: Path, option: str, value: str, told: str
) -> None:
    done = call(tmp_path, "data", "preview", arm, option, value)
    assert done.returncode == 2 and told in done.stderr


def test_a_recipe_is_told_from_a_data_set(tmp_path: Path) -> None:
    done = call(tmp_path, "data", "check", ROOT / "recipes" / "factory.yaml")
    assert done.returncode == 2 and "is a recipe, not a data set" in done.stderr


def test_a_place_is_named_as_the_person_said_it_and_not_by_what_is_written_on_the_way(tmp_path: Path) -> None:
    for made in (unfinished(tmp_path / "mine.yaml"), tmp_path / ".mine.yaml.4711.part", tmp_path / "mine.yaml"):
        told = of_disk(PermissionError(errno.EACCES, "Permission denied", str(made)))
        assert told and told.problems[0].place == Place(file=str(tmp_path / "mine.yaml"))


def test_recordings_shorter_than_the_usual_window_are_looked_at_through_a_shorter_one(
    arm: Path, tmp_path: Path
) -> None:
    assert "clips of 9 frames" in call(tmp_path, "data", "check", arm).stdout


def test_of_many_recordings_wrong_in_the_same_way_five_are_shown(arm: Path, tmp_path: Path) -> None:
    done = call(tmp_path, "data", "describe", arm, "--frames", "99")
    assert done.returncode == 3
    assert done.stderr.count("CR505 the video") == 5
    assert "... and 3 more: CR505 (3)" in done.stderr


def test_that_there_is_nothing_to_write_is_said(tmp_path: Path) -> None:
    spec = SynthesisSpec(recordings=4, frames=9, height_px=16, width_px=16, codec="mjpeg")
    silent = synthesize("multi-view", tmp_path / "views", spec, lambda what, done, total: None)
    before = silent.read_text()
    done = call(tmp_path, "data", "describe", silent, "--write")
    assert "Nothing is written" in done.stdout and silent.read_text() == before


def test_a_name_is_the_data_set_file_that_was_written_and_not_the_folder_beside_it(arm: Path, tmp_path: Path) -> None:
    shutil.copytree(arm.parent, tmp_path / "arm")
    assert "(instruction-video)" in call(tmp_path, "data", "check", "arm").stdout
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "arm.yaml").write_text(
        arm.read_text().replace("recordings.parquet", "../arm/recordings.parquet")
    )
    assert "(action-frame)" in call(tmp_path, "data", "check", "arm").stdout


def test_views_that_are_swapped_in_the_file_are_named(tmp_path: Path) -> None:
    spec = SynthesisSpec(recordings=4, frames=9, height_px=16, width_px=16, views=2, codec="mjpeg")
    file = synthesize("multi-view", tmp_path / "views", spec, lambda what, done, total: None)
    text = file.read_text().replace("_view_camera-1", "camera-2").replace("_view_camera-2", "camera-1")
    videos = file.parent / "recordings.parquet"
    table = pq.read_table(videos)
    renamed = [{"_view_camera-1": "camera-1", "_view_camera-2": "camera-2"}.get(c, c) for c in table.column_names]
    pq.write_table(table.rename_columns(renamed), videos)
    file.write_text(text)
    assert "CR598 views have the names of others in the source" in call(tmp_path, "data", "check", file).stdout
