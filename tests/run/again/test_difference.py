"""Two things differ in what a person would change, and each value says where it is from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run.again.conftest import FACTORY, REPO, OnHub


def diff(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cosmos_recipes", "diff", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def differences(text: str) -> dict[tuple[str, str], tuple[object, object]]:
    return {(each["group"], each["path"]): (each["left"], each["right"]) for each in json.loads(text)["differences"]}


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    text = FACTORY.read_text()
    assert "steps: 400" in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("steps: 400", "steps: 500"))
    return path


def test_two_recipes_differ_where_one_was_changed(changed: Path) -> None:
    done = diff("factory", changed, "--json")
    assert done.returncode == 0, done.stderr
    found = differences(done.stdout)
    left, right = found["recipe", "train.steps"]
    assert (left["value"], right["value"]) == (400, 500)
    assert right["origin"].startswith(f"{changed}:")
    assert found["plan", "train.steps"][1]["origin"] == right["origin"]
    # What follows from it is in the plan alone, and nothing else differs.
    assert {path for group, path in found if group == "recipe"} <= {"train.steps", "train.checkpoint_every"}
    assert {group for group, _ in found} == {"recipe", "plan"}
    shown = diff("factory", changed).stdout
    assert f"    - 400   ({left['origin']})\n    + 500   ({changed}:" in shown


@pytest.mark.parametrize(("same", "expected"), [(True, 0), (False, 1)])
def test_the_exit_code_tells_only_where_it_is_asked_for(same: bool, expected: int, changed: Path) -> None:
    other = "factory" if same else changed
    assert diff("factory", other).returncode == 0
    assert diff("factory", other, "--exit-code").returncode == expected
    assert ("no difference" in diff("factory", other).stdout) == same


def test_a_profile_is_of_the_recipe(changed: Path) -> None:
    plain = differences(diff("factory", changed, "--json").stdout)
    large = differences(diff("factory", changed, "--profile", "predict2.5-2b", "--json").stdout)
    assert ("recipe", "backbone") not in large
    assert plain.keys() != large.keys()


def test_a_run_and_what_was_published_of_it_are_the_same(on_hub: OnHub, tmp_path: Path) -> None:
    done = on_hub.call(tmp_path, "diff", on_hub.run, f"hf://{REPO}", "--exit-code")
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("no difference\n")


def test_what_was_measured_is_compared_where_both_ran(on_hub: OnHub, tmp_path: Path) -> None:
    copied = tmp_path / "arm"
    copied.mkdir()
    for path in (on_hub.run / "package").iterdir():
        if path.is_file():
            (copied / path.name).write_bytes(path.read_bytes())
    metrics = json.loads((copied / "metrics.json").read_text())
    (copied / "metrics.json").write_text(json.dumps({**metrics, "psnr_db": 1.0}))
    found = differences(diff(on_hub.run, copied, "--json").stdout)
    assert [*found] == [("results", "psnr_db")]
    recipe = differences(diff("factory", copied, "--json").stdout)
    assert "results" not in {group for group, _ in recipe}
