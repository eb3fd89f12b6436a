"""Whatever ends a run, the same command goes on and comes to the same weights."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import FinishedRun
from tests.small_runs import (
    STEPS,
    command,
    environment,
    finish,
    only_run,
    stage_state,
    start,
    steps_logged,
    wait_until,
    weights_hash,
)

FACTORY = Path(__file__).parents[2] / "recipes" / "factory.yaml"
MOMENTS: dict[str, Callable[[Path], bool]] = {
    "writing the world": lambda runs: any((runs / ".prepared").glob("source-*/videos/*.mp4")),
    "encoding clips": lambda runs: any((runs / ".prepared").glob("*/tokenizer")),
    "training": lambda runs: steps_logged(runs, "factory") >= 1,
    "after a checkpoint": lambda runs: any((runs / "factory").glob("*/train/checkpoints/step-*.ckpt")),
    "writing the model": lambda runs: steps_logged(runs, "factory") == STEPS,
    "evaluating": lambda runs: stage_state(runs, "factory", "evaluate") == "started",
    "packaging": lambda runs: stage_state(runs, "factory", "package") == "started",
    "publishing": lambda runs: stage_state(runs, "factory", "publish") == "started",
}


@pytest.fixture(scope="session")
def undisturbed(finished_run: Callable[[Path], FinishedRun]) -> str:
    return weights_hash(finished_run(FACTORY).folder / "train" / "model")


def test_a_run_killed_at_one_moment_after_another_comes_to_the_same_weights(tmp_path: Path, undisturbed: str) -> None:
    runs, chance = tmp_path / "runs", random.Random(0)
    for happened in MOMENTS.values():
        process = start(command(FACTORY, runs))
        # The moment may be over before it is seen: then the run ended well, and the next one has nothing to do.
        while process.poll() is None and not happened(runs):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        process.communicate()
    finish(command(FACTORY, runs))
    folder = only_run(runs, "factory")
    assert weights_hash(folder / "train" / "model") == undisturbed
    assert weights_hash(runs / "published" / "local" / "factory" / "latest") == undisturbed
    assert steps_logged(runs, "factory") == STEPS


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_an_interrupted_run_says_the_command_that_goes_on(
    number: int, exit_code: int, tmp_path: Path, undisturbed: str
) -> None:
    runs = tmp_path / "runs"
    process = start(command(FACTORY, runs))
    wait_until(lambda: steps_logged(runs, "factory") >= 3, process)
    os.kill(process.pid, number)
    output = process.communicate()[0]
    assert process.returncode == exit_code, output
    said = output.rpartition("To go on from here:\n")[2].strip()
    done = subprocess.run(shlex.split(said), env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "from step 0" not in done.stderr
    assert weights_hash(only_run(runs, "factory") / "train" / "model") == undisturbed


def test_a_run_in_use_is_refused_and_named(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    process = start(command(FACTORY, runs))
    wait_until(lambda: any((runs / "factory").glob("*/.lock")), process)
    second = subprocess.run(command(FACTORY, runs), env=environment(), capture_output=True, text=True, check=False)
    process.kill()
    process.communicate()
    assert second.returncode == 4
    assert f"process {process.pid} is already working in this run" in second.stderr


def test_resume_goes_on_by_the_folder_alone(tmp_path: Path, undisturbed: str) -> None:
    runs = tmp_path / "runs"
    process = start(command(FACTORY, runs))
    wait_until(lambda: steps_logged(runs, "factory") >= 3, process)
    process.kill()
    process.communicate()
    folder = only_run(runs, "factory")
    finish([*command(FACTORY, runs)[:3], "resume", str(folder)])
    assert weights_hash(folder / "train" / "model") == undisturbed
