"""If these fail, processes that share the work of a clip train another model than one process would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import cells
import pytest
import torch
from diffusers import CosmosTransformer3DModel

from cosmos_recipes.backbones.stored import save_stored

CELLS = {cell.name: cell for cell in cells.cells()}
CLOSE = {"adamw": 2e-6, "muon": 5e-5}
"""Relative: float32 rounds sums in another order, of which Muon's bfloat16 makes more."""
ROUNDED = 2e-3
"""The same where the network itself is in bfloat16."""
Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes write."""
    return tmp_path_factory.mktemp("cells")


@pytest.fixture(scope="session")
def found(folder: Path) -> Found:
    """What every cell comes to, trained by the processes that its way needs."""
    return {name: each for processes in (2, 4) for name, each in together(processes, folder).items()}


def together(processes: int, folder: Path) -> Found:
    out = folder / f"{processes}.json"
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
    found: Found = json.loads(out.read_text())
    return found


@cache
def alone(family: str, head: str, optimizer: str, adapters: bool, precision: str) -> dict[str, Any]:
    """Return what one process finds, which recomputes and accumulates nothing."""
    torch.set_num_threads(1)
    train = (cells.ADAPTERS if adapters else {}) | {"precision": precision}
    plan = cells.Cell(family=family, head=head, way="shard", optimizer=optimizer, train=train).plan()
    return cells.train(plan, None, cells.model_of(plan))


@pytest.mark.parametrize("name", CELLS)
def test_processes_that_share_the_work_have_the_losses_of_one(name: str, found: Found) -> None:
    """Norms of gradients too, which lie on other meshes where matrices are split."""
    cell = CELLS[name]
    precision = cell.train.get("precision", "fp32")
    one = alone(cell.family, cell.head, cell.optimizer, cell.train.get("method") == "lora", precision)
    close = CLOSE[cell.optimizer] if precision == "fp32" else ROUNDED
    assert found[name]["losses"] == pytest.approx(one["losses"], rel=close)
    assert found[name]["norms"] == pytest.approx(one["norms"], rel=5 * close)
    assert found[name]["losses"][-1] < found[name]["losses"][0]
    assert found[name]["apart"] == 0


def test_gradients_of_which_each_process_makes_a_part_are_summed(found: Found) -> None:
    """Norms of heads would drift apart in silence: the losses of the first steps hardly tell."""
    assert found[f"{cells.FORGOTTEN}, not summed"]["apart"] > 1e-3


@pytest.mark.parametrize("way", cells.EXPORTED.values())
def test_what_is_written_from_parts_is_what_one_process_writes(
    way: str, folder: Path, found: Found, tmp_path: Path
) -> None:
    network = cells.model_of(cells.Cell(family="diffusion", head="text", way=way).plan()).transformer
    network.save_config(tmp_path)
    save_stored(network, tmp_path, shard=cells.EXPORTED_SHARD)
    ours, theirs = ({path.name: path.read_bytes() for path in each.iterdir()} for each in (folder / way, tmp_path))
    assert ours == theirs and len(ours) > 3
    read = CosmosTransformer3DModel.from_pretrained(folder / way).state_dict()
    assert all(torch.equal(read[name], value) for name, value in network.state_dict().items())
