"""Jobs under a real Slurm. If these break, a job is refused, is lost when it is preempted, or comes back after `cancel`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.launch.real_slurm import said, slurm, wait_for
from tests.small_runs import command, environment, finish, only_run, start, steps_logged

STEPS = 5
RECIPE = Path(__file__).parents[2] / "recipes" / "arm-actions.yaml"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Slurm of two nodes, described in the user's own clusters.yaml; its folder."""
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "cosmos-recipes").mkdir()
    entry = f"two-nodes: {{kind: slurm, partition: debug, time: 30 min, grace: 2 min, cpus: 1, environment: [OMP_NUM_THREADS], runs: {folder / 'runs'}}}\n"
    (folder / "cosmos-recipes" / "clusters.yaml").write_text(entry)
    before = os.environ.get("XDG_CONFIG_HOME")
    os.environ["XDG_CONFIG_HOME"] = str(folder)
    with slurm(folder / "daemons"):
        yield folder
    os.environ.pop("XDG_CONFIG_HOME")
    if before:
        os.environ["XDG_CONFIG_HOME"] = before


def send(runs: Path, seed: int, **settings: Any) -> list[str]:
    """The command that sends a small run; each seed has a folder of its own, and all share what is prepared."""
    chosen = {"seed": seed, "train__steps": STEPS, "train__checkpoint_every": STEPS, "evaluate__clips": 2, **settings}
    return command(RECIPE, runs, "--on", "two-nodes", **chosen)


def of_job(verb: str, *arguments: str) -> str:
    return finish([sys.executable, "-m", "cosmos_recipes", "job", verb, *arguments])


def state_of(job: str) -> str:
    return said("squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T").strip()


def number(run: Path) -> str:
    return str(json.loads((run / "job" / "job.json").read_text())["id"])


def test_slurm_accepts_the_script_of_the_shipped_recipe(cluster: Path, tmp_path: Path) -> None:
    script = tmp_path / "it is.sbatch"
    words = ["run", str(RECIPE), "--on", "two-nodes", "--dry-run", "--runs", str(tmp_path / "100 % mine")]
    script.write_text(finish([sys.executable, "-m", "cosmos_recipes", *words]))
    subprocess.run(["bash", "-n", str(script)], check=True)
    done = subprocess.run(["sbatch", "--test-only", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "to start at" in done.stderr, done.stderr
    assert not (tmp_path / "100 % mine").exists(), "a dry run writes nothing"


def stopped_after_a_step(runs: Path, cluster: Path, *how: str) -> Path:
    """Stop the one job of `runs` in its training, and wait until it is queued again; it must have saved. Its folder."""
    wait_for(lambda: steps_logged(runs, RECIPE.stem) >= 1, cluster, patience_s=300)
    run = only_run(runs, RECIPE.stem)
    subprocess.run(["scancel", *how, number(run)], check=True)
    wait_for(lambda: "queued again" in (run / "job" / "output.log").read_text(), cluster, patience_s=120)
    # No checkpoint was due.
    assert list((run / "train" / "checkpoints").glob("step-*.ckpt"))
    return run


def test_two_nodes_whose_time_is_nearly_over_save_are_queued_again_and_publish(cluster: Path) -> None:
    runs = cluster / "two"
    watching = start(send(runs, 1, hardware__nodes=2))
    # As `--signal=B:TERM@…` does.
    run = stopped_after_a_step(runs, cluster, "--batch", "--signal=TERM")
    output = watching.communicate(timeout=400)[0]
    assert watching.returncode == 0, output
    assert "start 1, on" in output and "start 2, on" in output
    assert (runs / "published" / "local" / RECIPE.stem / "latest").exists()
    assert steps_logged(runs, RECIPE.stem) == STEPS
    assert list((run / "job" / "package" / "code").rglob("*.pyc")), "what was packed is what ran"
    assert of_job("status", str(run)).startswith("finished")


def test_a_job_all_of_whose_processes_are_told_to_stop_saves_and_publishes_later(cluster: Path) -> None:
    runs = cluster / "one"
    finish([*send(runs, 2, hardware__processes=2), "--detach"])
    # As a preemption does.
    run = stopped_after_a_step(runs, cluster, "--signal=TERM")
    wait_for(lambda: state_of(number(run)) == "COMPLETED", cluster, patience_s=400)
    assert "start 2, on" in of_job("logs", str(run))
    assert steps_logged(runs, RECIPE.stem) == STEPS
    assert (runs / "published" / "local" / RECIPE.stem / "latest").exists()


def test_ctrl_c_leaves_the_job_at_work_and_cancel_ends_it_for_good(cluster: Path) -> None:
    runs = cluster / "cancelled"
    watching = start(send(runs, 3))
    wait_for(lambda: any((runs / RECIPE.stem).glob("*/.lock")), cluster, patience_s=240)
    run = only_run(runs, RECIPE.stem)
    watching.send_signal(2)
    said_last = watching.communicate(timeout=60)[0]
    assert watching.returncode == 130
    assert f"cosmos-recipe job cancel {run}" in said_last
    assert of_job("status", "--runs", str(runs)).startswith("running")
    again = subprocess.run(send(runs, 3), env=environment(), capture_output=True, text=True, check=False)
    assert again.returncode == 4 and "CR661" in again.stderr
    of_job("cancel", str(run))
    wait_for(lambda: state_of(number(run)) == "CANCELLED", cluster)
    assert of_job("status", str(run)).startswith("cancelled")
