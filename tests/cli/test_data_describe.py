"""What a person sees of `cosmos-recipe data describe`, through the real command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.synthesize import SynthesisSpec, synthesize

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = SynthesisSpec(recordings=4, frames=9, height_px=16, width_px=16, codec="mjpeg")
    return synthesize("action-frame", tmp_path_factory.mktemp("data") / "arm", spec, lambda what, done, total: None)


def call(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cosmos_recipes", "data", "describe", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_table_names_every_number_and_the_block_can_be_copied(arm: Path, tmp_path: Path) -> None:
    done = call(tmp_path, arm, "--frames", "9")
    assert done.returncode == 0, done.stderr
    for told in ("action-frame-synthetic: action-frame", "3 train, 1 held-out", "16x16", "mjpeg", "5 Hz", "different"):
        assert told in done.stdout
    table, _, block = done.stdout.partition("\nstatistics:\n")
    assert len([line for line in table.splitlines() if line.startswith("  action")]) == 3
    assert block.startswith("  action:\n    count: 24\n    mean: [")


def test_the_block_is_written_into_the_file_and_replaced(arm: Path, tmp_path: Path) -> None:
    before = arm.read_text()
    for frames, count in (("9", 24), ("5", 24), ("9", 24)):
        done = call(tmp_path, arm, "--frames", frames, "--write", "--format", "json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["clip"]["frames"] == int(frames)
        assert told["statistics"]["action"]["count"] == count
        assert arm.read_text().startswith(before)
    statistics = load_dataset(str(arm), relative_to=Path()).file.statistics
    assert statistics["action"].model_dump(mode="json") == told["statistics"]["action"]
    assert {*statistics} == {"action", "state"}


def test_a_recipe_gives_data_set_and_window(arm: Path, tmp_path: Path) -> None:
    recipe = (ROOT / "recipes" / "factory.yaml").read_text()
    recipe = recipe.replace("schema: instruction-video", "schema: action-frame").replace("use: factory", f"use: {arm}")
    (tmp_path / "mine.yaml").write_text(recipe.replace("frames: 13", "frames: 7", 1))
    done = call(tmp_path, "--recipe", "mine.yaml", "--size", "32x32", "--format", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["clip"]
    assert (told["frames"], told["rate_hz"], told["height_px"]) == (7, 5.0, 32)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "name a data set, or a recipe"),
        (("factori",), 2, "did you mean `factory`?"),
        (("factory", "--rate", "5"), 2, "has no unit"),
        (("factory", "--write"), 3, "cosmos-recipe show factory > datasets/factory.yaml"),
        (("./videos", "--write"), 3, "cosmos-recipe new dataset"),
    ],
)
def test_what_cannot_be_is_told_at_once(tmp_path: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    (tmp_path / "videos").mkdir()
    done = call(tmp_path, *arguments)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
