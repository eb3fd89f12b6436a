"""If these fail, processes that share the work of a clip train another model than one process would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import cells
import pytest
import torch

CELLS = {cell.name: cell for cell in cells.cells()}
CLOSE = {"adamw": 2e-6, "muon": 5e-5}
"""Relative: float32 rounds sums in another order, of which Muon's bfloat16 makes more."""


@pytest.fixture(scope="session")
def losses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """The losses of every cell, trained by the processes that its way needs."""
    return {name: found for processes in (2, 4) for name, found in together(processes, tmp_path_factory).items()}


def together(processes: int, folders: pytest.TempPathFactory) -> dict[str, list[float]]:
    out = folders.mktemp("cells") / "losses.json"
    torchrun = ["torch.distributed.run", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1"]
    own = Path(cells.__file__)
    done = subprocess.run(
        [sys.executable, "-m", *torchrun, f"--nproc-per-node={processes}", str(own), str(out)],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "GLOO_SOCKET_IFNAME": "lo",
            "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
            "PYTHONPATH": os.pathsep.join(map(str, (own.parents[3], own.parents[1]))),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[float]] = json.loads(out.read_text())
    return found


@cache
def alone(family: str, head: str, optimizer: str, adapters: bool) -> list[float]:
    """Return the losses of one process, which recomputes and accumulates nothing."""
    torch.set_num_threads(1)
    train = cells.ADAPTERS if adapters else {}
    plan = cells.Cell(family=family, head=head, way="shard", optimizer=optimizer, train=train).plan()
    return cells.train(plan, None, cells.model_of(plan))


@pytest.mark.parametrize("name", CELLS)
def test_processes_that_share_the_work_have_the_losses_of_one(name: str, losses: dict[str, list[float]]) -> None:
    cell = CELLS[name]
    expected = alone(cell.family, cell.head, cell.optimizer, cell.train.get("method") == "lora")
    assert losses[name] == pytest.approx(expected, rel=CLOSE[cell.optimizer])
    assert losses[name][-1] < losses[name][0]
