"""Checkpoints by step: whole or not there, the newest of them found by number, old ones removed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cosmos_recipes.training.files import commit, remove, unfinished

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

_NAME = re.compile(r"step-(\d{8})\.ckpt")


class Checkpoints:
    """The checkpoints of a run: `step-00000040.ckpt` is the state after 40 steps, a file or (sharded) a folder."""

    def __init__(self, folder: Path, *, keep: int) -> None:
        self.folder, self.keep = folder, keep

    def newest(self) -> Path | None:
        """Return the finished checkpoint with the highest step."""
        finished = self.finished()
        return finished[-1] if finished else None

    def finished(self) -> list[Path]:
        """Return the finished checkpoints by step."""
        return sorted(path for path in self.folder.glob("step-*") if _NAME.fullmatch(path.name))

    def save(self, trainer: Trainer) -> None:
        """Write the state after the current step; every process must call this."""
        path = self.folder / f"step-{trainer.global_step:08d}.ckpt"
        trainer.save_checkpoint(unfinished(path))
        if trainer.is_global_zero:
            commit(path)
            self.tidy()
        trainer.strategy.barrier()

    def tidy(self) -> None:
        """Remove what was never finished, and all finished ones but the newest `keep`."""
        for path in self.folder.glob("*.unfinished"):
            remove(path)
        for path in self.finished()[: -self.keep]:
            remove(path)
