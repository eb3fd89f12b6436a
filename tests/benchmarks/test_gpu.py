"""The GPU benchmark at toy size. If this fails, whoever rents a GPU to measure on pays for a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def test_it_measures_training_a_plain_loop_and_the_wait_for_data(tmp_path: Path) -> None:
    told = tmp_path / "gpu.json"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--toy", "--write", told], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (case,) = json.loads(told.read_text())["cases"]
    assert case["backbone"] == "tiny-diffusion" and case["decoder"] == "cpu"
    assert min(case[name] for name in ("step_s", "peer_step_s", "ours_over_peer", "tokens_per_s", "tokens")) > 0
    assert min(case[name] for name in ("wait_cached_s", "wait_decoding_s")) >= 0


def test_what_cannot_be_measured_is_told_and_fails(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, "--toy", "--set", "train.steps=none"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "train.steps" in done.stdout
