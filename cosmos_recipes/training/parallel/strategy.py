"""Lightning's strategies: one process, whole copies of the weights, and everything that a mesh can share.

Importing this module imports Lightning, which takes seconds. All three write and read the same checkpoints, a folder of
tensors (`store`) with what else Lightning keeps in `meta.pt`.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy, SingleDeviceStrategy, Strategy

from cosmos_recipes.compiler.plan import HardwarePlan
from cosmos_recipes.training.parallel import store
from cosmos_recipes.training.parallel.mesh import Mesh

META = "meta.pt"


def strategy_of(hardware: HardwarePlan) -> Strategy:
    """Return how the processes of a plan share its work."""
    # The watch of every process is to be first: it says who waits for what.
    patience = timedelta(seconds=max(1800, 2 * hardware.stall_s))
    match hardware.strategy:
        case "single":
            return OneProcess(device="cuda:0" if hardware.accelerator == "gpu" else "cpu")
        case "ddp":
            return Copies(broadcast_buffers=False, gradient_as_bucket_view=True, timeout=patience)
        case _:
            sizes = {"shard": hardware.shard, "context": hardware.context, "tensor": hardware.tensor}
            return Shared(**sizes, offload=hardware.offload, timeout=patience)


class Stored:
    """Checkpoints of a strategy."""

    # Lightning's strategies, which have no types, are what this is mixed into.
    lightning_module: Any
    optimizers: Any
    is_global_zero: bool
    broadcast: Any

    _held: tuple[dict[str, Any], dict[str, Any]] | None = None
    mesh: Mesh | None = None
    """Where processes share more than clips."""

    @property
    def restore_checkpoint_after_setup(self) -> bool:
        """Read into what is split already."""
        return True

    @property
    def lightning_restore_optimizer(self) -> bool:
        """The state of the optimizers is read by `load_optimizer_state_dict`."""
        return True

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """Return the tensors of the model by name."""
        return store.model_tensors(self.lightning_module)

    def optimizer_state(self, optimizer: Any) -> dict[str, Any]:
        """Return the tensors of an optimizer by name, and the settings of its groups."""
        optimizer = getattr(optimizer, "optimizer", optimizer)
        groups = [
            {name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups
        ]
        return {"tensors": store.optimizer_tensors(self.lightning_module, optimizer), "groups": groups}

    def save_checkpoint(self, checkpoint: dict[str, Any], filepath: Any, storage_options: Any = None) -> None:
        """Copy a checkpoint to host memory, from where `write_held` takes it; every process must call this."""
        (optimizer,) = checkpoint["optimizer_states"]
        tensors = checkpoint.pop("state_dict") | optimizer.pop("tensors")
        self._held = store.copied(tensors, leads=self.is_global_zero), copy.deepcopy(checkpoint)

    def write_held(self, folder: Path, group: Any = None) -> None:
        """Write what was copied; every process must call this, on any thread if the processes have a `group` for it."""
        if self._held is None:
            return
        (tensors, rest), self._held = self._held, None
        folder.mkdir(parents=True, exist_ok=True)
        store.write(tensors, folder, group)
        if self.is_global_zero:
            # Given a path, torch keeps Python's lock while it waits for the disk, and the steps wait with it.
            with (folder / META).open("wb") as file:
                torch.save(rest, file)

    def load_checkpoint(self, checkpoint_path: Any) -> dict[str, Any]:
        """Return what is beside the tensors; they are read once it is known that they belong here."""
        folder = Path(self.broadcast(checkpoint_path))
        meta: dict[str, Any] = torch.load(folder / META, map_location="cpu", weights_only=True)
        return {**meta, "folder": folder}

    def load_model_state_dict(self, checkpoint: Any, strict: bool = True) -> None:
        """Read the weights."""
        store.read_model(self.lightning_module, checkpoint["folder"])

    def load_optimizer_state_dict(self, checkpoint: Any) -> None:
        """Read the state of the optimizer."""
        (optimizer,), (kept,) = self.optimizers, checkpoint["optimizer_states"]
        optimizer = getattr(optimizer, "optimizer", optimizer)
        store.read_optimizer(self.lightning_module, optimizer, checkpoint["folder"])
        for group, settings in zip(optimizer.param_groups, kept["groups"], strict=True):
            group.update(settings)


class OneProcess(Stored, SingleDeviceStrategy):
    """A process that does everything."""


class Copies(Stored, DDPStrategy):
    """Processes with whole weights, each of which trains on clips of its own (DDP)."""


class Shared(Stored, ModelParallelStrategy):
    """Processes that share weights, and may share tokens and matrices; see `compiler.plan.HardwarePlan`."""

    def __init__(self, *, shard: int, context: int, tensor: int, timeout: timedelta, offload: bool = False) -> None:
        super().__init__(data_parallel_size=1, tensor_parallel_size=1, timeout=timeout)
        self._sizes, self._offload = {"shard": shard, "context": context, "tensor": tensor}, offload

    def setup_environment(self) -> None:
        """Find the other processes."""
        self._setup_distributed()
        self.mesh = Mesh.of(self.root_device.type, **self._sizes)

    def _get_process_group_backend(self) -> str:
        # Checkpoints, and what is offloaded, are on the host.
        return "cuda:nccl,cpu:gloo" if self.root_device.type == "cuda" else "gloo"

    def model_to_device(self) -> None:
        """Move the model; of one whose weights wait in host memory, what is not a weight."""
        if not self._offload:
            super().model_to_device()
            return
        for module in self.lightning_module.modules():
            for name, buffer in module.named_buffers(recurse=False):
                setattr(module, name, buffer.to(self.root_device))
        self.lightning_module._device = self.root_device

    def teardown(self) -> None:
        """Leave the other processes; a process that was alone may train again."""
        super().teardown()
        if self.world_size == 1 and dist.is_initialized():
            dist.destroy_process_group()
