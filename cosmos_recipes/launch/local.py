"""Train on this machine: in this process, or in several that torchrun starts and watches."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from cosmos_recipes.compiler.mesh import as_started
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError, fail
from cosmos_recipes.files import remove, write_json
from cosmos_recipes.training import fit
from cosmos_recipes.training.batches import Share
from cosmos_recipes.training.failures import first_failure, problems_of
from cosmos_recipes.training.fit import TrainResult, finished, nemo_file
from cosmos_recipes.training.progress import Progress

STOP_S = 45
"""Seconds that processes have to save their state; torchrun itself gives them 30."""


def train(plan: Plan, run: Path, prepared: Path, *, nproc: int = 1, progress: Progress | None = None) -> TrainResult:
    """Train as `cosmos_recipes.training.fit.train` does, in `nproc` processes of this machine.

    Raises:
        RecipeError: training cannot begin or broke in one of the processes (CR6xx).
    """
    if nproc == 1:
        return fit.train(plan, run, prepared, progress=progress)
    done = finished(plan, run)
    if done is not None:
        return done
    world = as_started(plan, local=nproc, world=nproc).data_parallel
    Share(rank=0, world=world, global_batch=plan.train.global_batch, micro_batch=plan.train.micro_batch)
    folder = run / "train"
    remove(folder / "failures")
    _write_config(folder / "launch", plan, run, prepared)
    with _torchrun(folder / "launch", nproc) as process:
        for line in process.stdout or ():
            _pass_on(line, progress)
    result = finished(plan, run)
    if result is None:
        _fail(folder, process.returncode)
    return result


def _write_config(folder: Path, plan: Plan, run: Path, prepared: Path) -> None:
    """Write what the processes read: the plan, and NeMo's configuration with where everything lies."""
    from omegaconf import OmegaConf

    places = {"plan": "plan.json", "run": str(run.resolve()), "prepared": str(prepared.resolve())}
    write_json(folder / "plan.json", plan.model_dump(mode="json"))
    OmegaConf.save(OmegaConf.merge(nemo_file(plan, run), {"model": places}), folder / "nemo.yaml")


@contextmanager
def _torchrun(folder: Path, nproc: int) -> Iterator[subprocess.Popen[str]]:
    """Run the processes; leaving the block early lets them save their state and stops them."""
    rendezvous = ["--nnodes=1", f"--nproc-per-node={nproc}", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0"]
    job = ["-m", "cosmos_recipes.training", "--config-path", str(folder.resolve()), "--config-name", "nemo"]
    command = [sys.executable, "-m", "cosmos_recipes.launch.torchrun", *rendezvous, "--local-addr=127.0.0.1", *job]
    with (folder / "torchrun.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env=_environment(nproc),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # Ctrl-C goes to this process alone, which then stops the others in order.
            start_new_session=True,
        )
        try:
            yield process
            process.wait()
        finally:
            _stop(process)


def _environment(nproc: int) -> dict[str, str]:
    threads = max(1, (os.cpu_count() or 1) // nproc)
    defaults = {"OMP_NUM_THREADS": str(threads), "GLOO_SOCKET_IFNAME": "lo", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    return {**defaults, **os.environ, "COSMOS_RECIPES_PROGRESS": "json"}


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def _pass_on(line: str, progress: Progress | None) -> None:
    if progress is not None and line.startswith("["):
        what, done, total = json.loads(line)
        progress(what, done, total)


def _fail(folder: Path, code: int) -> NoReturn:
    """Raise the error of the process that failed first."""
    failure: dict[str, Any] | None = first_failure(folder / "failures")
    if failure is None:
        log = folder / "launch" / "torchrun.log"
        fail(
            "CR604",
            "a process of the training ended without a word",
            found=_how(log, code),
            hint=f"see {log} and {folder}/nemo*.log",
        )
    if failure["problems"]:
        raise RecipeError(*problems_of(failure))
    last = failure["trace"].strip().splitlines()[-1]
    rank = failure["rank"]
    fail(
        "CR604",
        f"process {rank} of the training failed",
        found=last,
        hint=f"the traceback is in {folder}/failures/rank-{rank}.json",
    )


def _how(log: Path, code: int) -> str:
    """Return what torchrun says of the process that ended first: its rank and exit code."""
    text = log.read_text()
    root = text[text.rfind("Root Cause") :] if "Root Cause" in text else text
    rank, ended = re.search(r"rank\s*:\s*(\d+)", root), re.search(r"exitcode\s*:\s*(-?\d+)", root)
    if rank is None or ended is None:
        return f"exit code {code} of torchrun"
    signal_hint = ", killed by the system, often for lack of memory" if ended[1] == "-9" else ""
    return f"process {rank[1]} ended with exit code {ended[1]}{signal_hint}"
