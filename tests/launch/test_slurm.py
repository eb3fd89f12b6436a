"""Jobs under a real Slurm. If these break, a job is refused, is lost when it is preempted, or comes back after `cancel`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.launch.real_slurm import said, slurm, wait_for
from tests.small_runs import command, environment, finish, only_run, start, steps_logged
from tests.stored_texts import assert_stored

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


def test_no_job_is_no_failure(cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert of_job("status") == f"No job was sent from runs or {cluster / 'runs'}.\n"


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
    assert f"--runs '{tmp_path}/100 % mine' &" in script.read_text()
    done = subprocess.run(["sbatch", "--test-only", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "to start at" in done.stderr, done.stderr
    assert not (tmp_path / "100 % mine").exists(), "a dry run writes nothing"


def output_of(run: Path) -> str:
    file = run / "job" / "output.log"
    return file.read_text() if file.exists() else ""


def test_two_nodes_that_are_preempted_save_are_queued_again_and_publish(cluster: Path) -> None:
    runs = cluster / "two"
    watching = start(send(runs, 1, hardware__nodes=2))
    wait_for(lambda: steps_logged(runs, RECIPE.stem) >= 1, cluster, patience_s=300)
    run = only_run(runs, RECIPE.stem)
    # Every process on both nodes is told to stop, and some of them tell others once more.
    subprocess.run(["scancel", "--signal=TERM", number(run)], check=True)
    wait_for(lambda: "queued again" in output_of(run), cluster, patience_s=120)
    assert list((run / "train" / "checkpoints").glob("step-*.ckpt")), "no checkpoint was due: it is from being stopped"
    output = watching.communicate(timeout=400)[0]
    assert watching.returncode == 0, output
    assert "start 1, on" in output and "start 2, on" in output
    assert (runs / "published" / "local" / RECIPE.stem / "latest").exists()
    assert steps_logged(runs, RECIPE.stem) == STEPS
    assert list((run / "job" / "package" / "code").rglob("*.pyc")), "what was packed is what ran"
    assert of_job("status", str(run)).startswith("finished")
    assert "start 2, on" in of_job("logs", str(run))


def test_ctrl_c_leaves_a_job_that_comes_back_after_its_time_and_cancel_ends_it_for_good(cluster: Path) -> None:
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
    assert again.returncode == 4
    shown = again.stderr.replace(str(run), "/runs/arm-actions/base-1a2b3c4d").replace(f" {number(run)} on", " 7 on")
    assert_stored(Path(__file__).with_name("texts") / "twice.txt", shown)
    # As `--signal=B:TERM@…` does when the time is nearly over: this job is not training yet.
    subprocess.run(["scancel", "--batch", "--signal=TERM", number(run)], check=True)
    wait_for(lambda: "start 2, on" in output_of(run), cluster, patience_s=120)
    of_job("cancel", str(run))
    wait_for(lambda: state_of(number(run)) == "CANCELLED", cluster)
    assert of_job("status", str(run)).startswith("cancelled")
    assert "start 3, on" not in output_of(run)


def again(reference: Path, runs: Path, *more: str) -> list[str]:
    words = ["run", str(reference), "--runs", str(runs), "--on", "two-nodes", *more]
    return [sys.executable, "-m", "cosmos_recipes", *words]


def test_what_was_published_is_held_to_its_lock_on_the_nodes_that_train_it(cluster: Path, tmp_path: Path) -> None:
    """Also after it was preempted; what its Python has not is refused there, before anything is trained, and for good."""
    finish(command(RECIPE, tmp_path, train__steps=STEPS, train__checkpoint_every=STEPS, evaluate__clips=2))
    mine, published, runs = only_run(tmp_path, RECIPE.stem), tmp_path / "published/local/arm-actions", cluster / "again"
    assert " --frozen &" in finish(again(published, runs, "--frozen", "--dry-run"))
    watching = start(again(published, runs, "--frozen"))
    wait_for(lambda: steps_logged(runs, RECIPE.stem) >= 1, cluster, patience_s=300)
    run = only_run(runs, RECIPE.stem)
    subprocess.run(["scancel", "--signal=TERM", number(run)], check=True)
    output = watching.communicate(timeout=400)[0]
    assert watching.returncode == 0, output
    assert "start 2, on" in output and "drift" not in output
    snapshot = (published / "latest").resolve()
    assert f"the weights are those of {snapshot}, bit for bit" in output
    assert "origin: arm-actions@" in (run / "recipe.lock").read_text()

    lock = mine / "recipe.lock"
    (torch,) = re.findall(r"^  torch: .*$", lock.read_text(), re.MULTILINE)
    lock.write_text(lock.read_text().replace(torch, "  torch: 2.0.1"))
    refused = subprocess.run(again(mine, cluster / "other", "--frozen"), capture_output=True, text=True, check=False)
    assert refused.returncode == 4
    assert "CR240 `packages.torch` is not what the lock says" in refused.stdout
    failed = only_run(cluster / "other", RECIPE.stem)
    assert (failed / "job" / "exit-code").read_text() == "2\n" and state_of(number(failed)) == "FAILED"
    assert steps_logged(cluster / "other", RECIPE.stem) == 0 and "start 2" not in refused.stdout
    assert "drift: packages.torch: 2.0.1 in the lock" in finish(again(mine, runs))
