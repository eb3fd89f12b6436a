"""Checkpoints by step: whole or not there, the newest of them found by number, old ones removed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import commit, remove, unfinished

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

    def save(self, trainer: Trainer, *, first: Callable[[], None]) -> None:
        """Write the state after the current step; every process must call this.

        `first` writes what has to be on disk, from every process, before the checkpoint counts.

        Raises:
            RecipeError: the disk is full, or refuses to be written to (CR606).
        """
        path = self.folder / f"step-{trainer.global_step:08d}.ckpt"
        try:
            first()
            # Returns when all processes are here, so when all have done `first`.
            trainer.save_checkpoint(unfinished(path))
            if trainer.is_global_zero:
                commit(path)
                self.tidy()
        except OSError as error:
            self._fail(path, error)
        trainer.strategy.barrier()

    def _fail(self, path: Path, error: OSError) -> NoReturn:
        newest = self.newest()
        kept = f"; the next run goes on from {newest.name}" if newest else ""
        fail(
            "CR606",
            f"the checkpoint {path.name} cannot be written",
            place=Place(file=str(self.folder)),
            found=error.strerror or str(error),
            hint=f"make room, or keep fewer checkpoints (train.keep_checkpoints){kept}",
        )

    def tidy(self) -> None:
        """Remove what was never finished, and all finished ones but the newest `keep`."""
        for path in self.folder.glob("*.unfinished"):
            remove(path)
        for path in self.finished()[: -self.keep]:
            remove(path)
