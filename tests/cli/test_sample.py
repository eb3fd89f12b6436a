"""`cosmos-recipe sample` as a person types it: what is written, and what is refused before a model is loaded."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos_recipes.data.probe import probe
from tests.conftest import FinishedRun

RECIPES = Path(__file__).parents[2] / "recipes"
ACTIONS = RECIPES / "arm-actions.yaml"


def call(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cosmos_recipes", "sample", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_published_model_is_sampled_by_its_folder(
    finished_run: Callable[[Path], FinishedRun], tmp_path: Path
) -> None:
    """From a recipe to a package to a video: the package holds all that its actions need."""
    run = finished_run(ACTIONS)
    shutil.copytree(run.runs / "published" / "local" / "arm-actions" / "latest", tmp_path / "arm")
    video = next((run.runs / ".prepared").glob("source-*/videos/held_out_*"))
    (tmp_path / "moves.csv").write_text("dx,dy,grip\n" + "0.02,-0.01,1\n" * 24)
    asked = ("arm", "--frames", video, "--actions", "moves.csv", "--chunks", 2, "-o", "out.mp4")
    done = call(tmp_path, *asked)
    assert done.returncode == 0, done.stderr
    assert "Video: out.mp4" in done.stdout
    told = json.loads((tmp_path / "out.json").read_text())
    assert (told["video"]["frames"], told["model"]["recipe"]) == (25, "arm-actions")


@pytest.mark.parametrize("name", ["cell-views", "road-trajectory"])
def test_several_cameras_are_sampled_from_a_frame_of_each(
    name: str, finished_run: Callable[[Path], FinishedRun], tmp_path: Path
) -> None:
    """From a recipe of four views to a roll-out of them, with the way of the car where there is one."""
    run = finished_run(RECIPES / f"{name}.yaml")
    config = json.loads((run.folder / "package" / "cosmos_recipe.json").read_text())
    given = [
        f"--view={view}={next((run.runs / '.prepared').glob(f'source-*/videos/{view}/held_out_000000.mp4'))}"
        for view in config["views"]
    ]
    (tmp_path / "way.csv").write_text("x,y\n" + "".join(f"{0.8 * n},0\n" for n in range(100)))
    way = ["--trajectory", "way.csv"] if name == "road-trajectory" else []
    done = call(tmp_path, run.folder, *given, *way, "--chunks", 2, "--each-view", "-o", "out.mp4")
    assert done.returncode == 0, done.stderr
    shown = {path.stem for path in tmp_path.glob("*.mp4")}
    assert shown == {"out", *(f"out-{view}" for view in config["views"])}
    assert len(probe(tmp_path / "out.mp4").pts) == 25


@pytest.mark.parametrize(
    "wrong",
    [
        ("--fov", "60"),
        ("--fov", "200 deg"),
        ("--seconds", "-1 s"),
        ("--rate", "10 s"),
        ("--intrinsics", "1,2,3"),
        ("--view", "front"),
        ("--top-p", "0"),
        ("--temperature", "nan"),
    ],
)
def test_an_option_that_cannot_be_read_is_named(wrong: tuple[str, str], tmp_path: Path) -> None:
    done = call(tmp_path, "arm", "--frames", "a.mp4", "-o", "out.mp4", *wrong)
    assert done.returncode == 2
    assert wrong[0] in done.stderr
    assert not list(tmp_path.iterdir())
