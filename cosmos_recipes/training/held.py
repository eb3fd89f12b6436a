"""A state that waits in host memory to be written, so that training need not wait for the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from torch.utils._pytree import tree_map_only


class HeldState(TorchCheckpointIO):
    """Lightning's way to write one file, which copies what is to be written and leaves the writing for later."""

    def __init__(self) -> None:
        self._held: Any = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Copy the state to host memory."""
        self._held = tree_map_only(torch.Tensor, _on_host, checkpoint)

    def write(self, path: Path) -> None:
        """Write what is held, if anything is: not every process holds something, nor does one of sharded weights."""
        held, self._held = self._held, None
        if held is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Given a path, torch keeps Python's lock while it waits for the disk, and the steps wait with it.
            with path.open("wb") as file:
                torch.save(held, file)


def _on_host(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu", copy=True)
