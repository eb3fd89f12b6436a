"""Train on this machine, alone or as one of several: in this process, or in others that torchrun starts and watches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cosmos_recipes.compiler.mesh import as_started
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.files import remove, write_json
from cosmos_recipes.launch.failed import raise_failure
from cosmos_recipes.launch.nodes import Node
from cosmos_recipes.training import fit
from cosmos_recipes.training.batches import Share
from cosmos_recipes.training.fit import TrainResult, finished, nemo_file
from cosmos_recipes.training.progress import Progress
from cosmos_recipes.training.stopping import SAVE_S

STOP_S = SAVE_S + 45
"""Seconds that torchrun has to let its processes save, and to end those that do not."""
SEEN_S = 90
"""Seconds after which what one machine wrote on shared storage is seen on all."""


def train(
    plan: Plan,
    run: Path,
    prepared: Path,
    *,
    nproc: int = 1,
    node: Node | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Train as `cosmos_recipes.training.fit.train` does, in `nproc` processes of this machine, which may be one of several.

    Raises:
        RecipeError: training cannot begin or broke in one of the processes (CR6xx).
        StoppedElsewhere: another process was asked to stop, and so all did.
    """
    if nproc == 1 and node is None:
        return fit.train(plan, run, prepared, progress=progress)
    done = finished(plan, run)
    if done is not None:
        return done
    world = nproc * (node.nodes if node else 1)
    groups = as_started(plan, local=nproc, world=world).data_parallel
    Share(rank=0, world=groups, global_batch=plan.train.global_batch, micro_batch=plan.train.micro_batch)
    folder = run / "train"
    launch = folder / ("launch" if node is None or node.is_first else f"launch-{node.rank}")
    if node is None or node.is_first:
        remove(folder / "failures")
    _write_config(launch, plan, run, prepared)
    with _torchrun(launch, nproc, node) as process:
        for line in process.stdout or ():
            _pass_on(line, progress)
    result = _result(plan, run, patient=node is not None and process.returncode == 0)
    if result is None:
        raise_failure(
            folder, launch / "torchrun.log", world=world, code=process.returncode, limit_s=plan.hardware.stall_s
        )
    return result


def _result(plan: Plan, run: Path, *, patient: bool) -> TrainResult | None:
    """Return what training came to; what another machine wrote may take a moment to be seen here."""
    give_up_s = time.monotonic() + (SEEN_S if patient else 0)
    while (result := finished(plan, run)) is None and time.monotonic() < give_up_s:
        time.sleep(1)
    return result


def _write_config(folder: Path, plan: Plan, run: Path, prepared: Path) -> None:
    """Write what the processes read: the plan, and NeMo's configuration with where everything lies."""
    from omegaconf import OmegaConf

    places = {"plan": "plan.json", "run": str(run.resolve()), "prepared": str(prepared.resolve())}
    write_json(folder / "plan.json", plan.model_dump(mode="json"))
    OmegaConf.save(OmegaConf.merge(nemo_file(plan, run), {"model": places}), folder / "nemo.yaml")


@contextmanager
def _torchrun(folder: Path, nproc: int, node: Node | None) -> Iterator[subprocess.Popen[str]]:
    """Run the processes; leaving the block early lets them save their state and stops them."""
    alone = ["--nnodes=1", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1"]
    together = [f"--nproc-per-node={nproc}", *(node.torchrun() if node else alone)]
    job = ["-m", "cosmos_recipes.training", "--config-path", str(folder.resolve()), "--config-name", "nemo"]
    command = [sys.executable, "-m", "cosmos_recipes.launch.torchrun", f"--shutdown-timeout={SAVE_S}", *together, *job]
    with (folder / "torchrun.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env=_environment(nproc, node),
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


def _environment(nproc: int, node: Node | None) -> dict[str, str]:
    threads = max(1, (os.cpu_count() or 1) // nproc)
    defaults = {"OMP_NUM_THREADS": str(threads), "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    if node is None:
        defaults["GLOO_SOCKET_IFNAME"] = "lo"
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
