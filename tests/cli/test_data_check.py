"""`cosmos-recipe data check`, as a person calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cosmos_recipes.worlds.video import write_video

Check = Callable[..., "subprocess.CompletedProcess[str]"]
RECIPE = """
recipe: mine
summary: Mine.
backbone: tiny-diffusion
dataset: {schema: instruction-video, use: videos, clip: {frames: 5, rate: 5 Hz, size: 32x32}}
train: {steps: 10, global_batch: 2, optimizer: {name: adamw, lr: 1e-3}}
"""


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Call the command in a folder with two videos."""
    rng = np.random.default_rng(0)
    (tmp_path / "videos").mkdir()
    for name in ("a", "b"):
        frames = rng.integers(0, 256, (13, 32, 32, 3), np.uint8)
        write_video(tmp_path / "videos" / f"{name}.mp4", frames, 5, "h264")

    def check(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cosmos_recipes", "data", "check", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return check


def test_good_videos_pass(check: Check) -> None:
    ended = check("videos")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Nothing is wrong" in ended.stdout


def test_warnings_fail_only_where_that_is_asked_for(check: Check, tmp_path: Path) -> None:
    (tmp_path / "videos" / "c.mp4").write_text("no video")
    assert check("videos").returncode == 0
    ended = check("videos", "--fail-on", "warn")
    assert ended.returncode == 3
    assert "c.mp4: CR510" in ended.stdout


def test_the_window_is_that_of_a_recipe_or_of_the_options(check: Check, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RECIPE)
    clips = {}
    for arguments in (
        ("--recipe", "mine.yaml"),
        ("videos",),
        ("videos", "--frames", "4", "--rate", "2 Hz", "--size", "16x16"),
    ):
        report = json.loads(check(*arguments, "--format", "json").stdout)
        clips[arguments] = (report["clip"]["frames"], report["clip"]["rate_hz"], report["funnel"][-1]["clips"])
    assert list(clips.values()) == [(5, 5, 4), (13, 5, 2), (4, 2, 2)]


def test_a_report_is_written_where_it_is_asked_for(check: Check, tmp_path: Path) -> None:
    ended = check("videos", "--format", "html", "-o", "out/check.html")
    assert ended.stdout == "Nothing is wrong: 28 rules looked at every recording. The report is in out/check.html.\n"
    assert (tmp_path / "out" / "check.html").read_text().startswith("<!doctype html>")


def test_data_of_which_nothing_opens_still_has_a_report(check: Check, tmp_path: Path) -> None:
    for path in (tmp_path / "videos").iterdir():
        path.write_text("no video")
    ended = check("videos", "--format", "json")
    report = json.loads(ended.stdout)
    assert ended.returncode == 3
    assert [stage["recordings"] for stage in report["funnel"]] == [2, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name a data set, or a recipe with --recipe"),
        (("videos", "--recipe", "mine.yaml"), "name a data set, or a recipe with --recipe"),
        (("videos", "--rate", "5"), "5 Hz"),
        (("videos", "--size", "big"), "480x640"),
        (("nowhere",), "CR200"),
    ],
)
def test_a_wrong_call_says_what_is_expected(check: Check, arguments: tuple[str, ...], told: str) -> None:
    ended = check(*arguments)
    assert ended.returncode == 2
    assert told in ended.stderr
