"""What a person sees of `cosmos-recipe data synthesize`, through the real command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cosmos_recipes", "data", "synthesize", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_it_writes_what_is_asked_for_and_says_where(tmp_path: Path) -> None:
    done = call(tmp_path, "multi-view", "made-up", "-n", "2", "--views", "2", "--size", "16x32", "--codec", "mjpeg")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Wrote 2 recordings; the data set is made-up/dataset.yaml\n"
    assert len([*(tmp_path / "made-up" / "videos").glob("camera-*/*.mp4")]) == 4
    again = call(tmp_path, "multi-view", "made-up")
    assert again.returncode == 3
    assert "CR563 made-up is there already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("poes", "x"), "did you mean `pose`?"),
        (("pose", "x", "--rate", "5 m"), "such as 5 Hz"),
        (("pose", "x", "--size", "64"), "such as 480x640"),
        (("pose", "x", "-n", "0"), "-n"),
    ],
)
def test_misuse_exits_with_two_and_writes_nothing(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = call(tmp_path, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not [*tmp_path.iterdir()]
