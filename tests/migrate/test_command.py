"""What a person sees of `migrate`: what was written, what is left, and every mistake at its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from files import EXPERIMENTS, TOML, write

from tests.stored_texts import assert_stored

CASES = Path(__file__).with_name("cases")
FILES = {
    "kitchen.toml": TOML,
    "robot.py": EXPERIMENTS,
    "reasoner.toml": TOML.replace('"vfm"', '"vlm"'),
    "policy.toml": TOML.replace("vision_sft_nano", "action_policy_droid"),
    "cut.toml": TOML[:1000] + '"',
    "cut.py": EXPERIMENTS.replace("dict(", "dict((", 1),
    "launch.sh": "torchrun --nproc_per_node=8 train.py",
    "other.json": '{"fps": 30}',
}
WRONG = {
    "unknown": "launch.sh",
    "unknown-format": "kitchen.toml --from cosmos-framwork",
    "not-that-format": "other.json --from cosmos-framework",
    "cut-toml": "cut.toml --from cosmos-framework",
    "cut-python": "cut.py --from predict2.5",
    "reasoner": "reasoner.toml --dataset factory",
    "policy": "policy.toml --dataset factory",
    "no-data": "kitchen.toml",
    "data-elsewhere": "robot.py --experiment robot_lora",
    "several-experiments": "robot.py",
    "unknown-experiment": "robot.py --experiment robot_lor",
    "unknown-backbone": "kitchen.toml --dataset factory --backbone predict2.5-2",
    "option-of-another-format": "kitchen.toml --dataset factory --experiment robot",
}


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    for name, text in FILES.items():
        write(folder / name, text)
    command = [sys.executable, "-m", "cosmos_recipes", "migrate", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_has_its_text(name: str, tmp_path: Path) -> None:
    done = call(tmp_path, *WRONG[name].split())
    assert (done.returncode, done.stdout) == (2, "")
    assert_stored(CASES / f"{name}.txt", done.stderr)
    assert not list(tmp_path.glob("*.yaml")), "nothing half done is left"


def test_no_text_is_of_no_mistake() -> None:
    assert {path.stem for path in CASES.glob("*.txt")} == {*WRONG, "toml"}


def test_it_says_what_it_wrote_what_it_chose_and_what_is_left(tmp_path: Path) -> None:
    done = call(tmp_path, "kitchen.toml", "--dataset", "factory")
    assert (done.returncode, done.stderr) == (0, "")
    assert_stored(CASES / "toml.txt", done.stdout)
    again = call(tmp_path, "kitchen.toml", "--dataset", "factory")
    assert again.returncode == 2
    assert "kitchen_nano.yaml exists" in again.stderr
