"""What `cosmos-recipe plan` answers, in a process of its own that has no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_TORCH = """
import sys
from cosmos_recipes.cli.main import main
try:
    main()
finally:
    assert "torch" not in sys.modules
"""


def planned(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Plan a shipped recipe, in a folder without prices."""
    command = [sys.executable, "-c", WITHOUT_TORCH, "plan", str(ROOT / "recipes" / "factory.yaml"), *arguments]
    environment = {"PATH": "", "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_it_says_whether_it_fits_how_fast_and_at_what_cost(tmp_path: Path) -> None:
    shown = planned(tmp_path, "--profile", "predict2.5-2b", "--hardware", "4x8xh100-80gb")

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("factory, predict2.5-2b, on 4 machines with 8 x h100-80gb\n")
    for part in ("\nstep  ", " USD by the shipped prices.yaml\n", "\n  checkpoints  ", "\nnext best\n", "too large\n"):
        assert part in shown.stdout
    assert list(tmp_path.iterdir()) == []


def test_for_programs_it_says_the_same_as_json(tmp_path: Path) -> None:
    shown = planned(tmp_path, "--profile", "predict2.5-2b", "--set", "train.method={lora: {rank: 16}}", "--json")
    found = json.loads(shown.stdout)

    assert found["hardware"]["devices"] == 8
    assert found["fit"]["total_bytes"] < found["fit"]["available_bytes"]
    assert found["fit"]["time"]["cost"][0] < found["fit"]["time"]["cost"][1]


def test_on_a_cpu_it_promises_no_time(tmp_path: Path) -> None:
    shown = planned(tmp_path).stdout

    assert "1 CPU process" in shown
    assert "\nstep" not in shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("8 H100", "`8 H100` says no machines that are known"),
        ("8xh100", "for example `--hardware 8xh100-80gb`"),
        ("4x8xH200-80gb", "with one of a100-40gb, a100-80gb, h100-80gb, h100-nvl-94gb, h200-141gb, b200-192gb"),
    ],
)
def test_machines_that_are_not_known_are_refused_with_those_that_are(tmp_path: Path, words: str, shown: str) -> None:
    answer = planned(tmp_path, "--profile", "predict2.5-2b", "--hardware", words)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert "CR404" in answer.stderr
    assert shown in answer.stderr
