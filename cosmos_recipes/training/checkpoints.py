"""Checkpoints by step: whole or not there, the newest found by number, written beside training, kept by a policy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch.distributed as dist
from torch.distributed.checkpoint.api import CheckpointException

from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import commit, remove, unfinished, write_json
from cosmos_recipes.training import background
from cosmos_recipes.training.policy import Policy, Saved

if TYPE_CHECKING:
    from concurrent.futures import Future

    from lightning.pytorch import Trainer

_NAME = re.compile(r"step-(\d{8})\.ckpt")
_LONGEST_WRITE = timedelta(days=1)
_END_S = 60


class Checkpoints:
    """The checkpoints of a run: `step-00000040.ckpt` is the folder of the state after 40 steps.

    A file beside the folder says of each what the policy goes by. At most one is being written; what goes wrong with it
    (CR606) is raised by the next call.
    """

    def __init__(self, folder: Path, *, policy: Policy) -> None:
        self.folder, self.policy = folder, policy
        self._about = folder.with_suffix(".json")
        self._group: dist.ProcessGroup | None = None
        self._writing: Future[None] | None = None

    def newest(self) -> Path | None:
        """Return the finished checkpoint with the highest step."""
        finished = self.finished()
        return finished[-1] if finished else None

    def finished(self) -> list[Path]:
        """Return the finished checkpoints by step."""
        return sorted(path for path in self.folder.glob("step-*") if _NAME.fullmatch(path.name))

    def open(self) -> None:
        """Remove what was never finished, and get ready to write; every process must call this before it saves."""
        if dist.is_available() and dist.is_initialized():
            # Threads that write talk to each other past what training says.
            self._group = dist.new_group(backend="gloo", timeout=_LONGEST_WRITE)
        if self._rank == 0:
            self.tidy()

    def save(self, trainer: Trainer, saved: Saved, *, first: Callable[[], None]) -> None:
        """Copy the state after a step to host memory and begin to write it; every process must call this.

        `first` writes what has to be on disk, from every process, before the checkpoint counts.

        Raises:
            RecipeError: the disk is full, or refuses to be written to (CR606), now or when the last one was written.
        """
        self.wait()
        path = self._path(saved.step)
        trainer.save_checkpoint(path)
        strategy: Any = trainer.strategy
        self._writing = background.start(
            lambda: self._write(saved, first, lambda: strategy.write_held(unfinished(path), self._group)),
            name=f"checkpoint of step {saved.step}",
        )

    def check(self) -> None:
        """Raise what went wrong with a checkpoint that is no longer being written; one that still is may go on."""
        if self._writing is not None and self._writing.done():
            self.wait()

    def wait(self) -> None:
        """Wait until nothing is being written."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def give_up(self) -> None:
        """Let what is being written end, within reason, however it ends."""
        if self._writing is not None:
            self._writing.exception(_END_S)

    def tidy(self) -> None:
        """Remove what was never finished, and the finished ones that the policy does not keep."""
        for path in self.folder.glob("*.unfinished"):
            remove(path)
        about = self._known()
        steps = self.policy.keep(list(about.values()))
        for path in self.finished():
            if _step(path) not in steps:
                remove(path)
        if about:
            write_json(self._about, [asdict(about[step]) for step in sorted(steps)])

    def _write(self, saved: Saved, *parts: Callable[[], None]) -> None:
        for part in parts:
            # None goes on alone: the next part may need all.
            self._agree(saved, _problem_of(part))
        if self._rank == 0:
            self._agree(saved, _problem_of(lambda: self._finish(saved)), alone=True)

    def _finish(self, saved: Saved) -> None:
        known = {**self._known(), saved.step: saved}
        write_json(self._about, [asdict(known[step]) for step in sorted(known)])
        commit(self._path(saved.step))
        self.tidy()

    def _known(self) -> dict[int, Saved]:
        """Return what is said of each finished checkpoint, by step; of one that nobody said anything of, its step."""
        said = [Saved(**each) for each in json.loads(self._about.read_text())] if self._about.exists() else []
        by_step = {each.step: each for each in said}
        return {step: by_step.get(step, Saved(step=step, seconds=0.0)) for step in map(_step, self.finished())}

    def _agree(self, saved: Saved, problem: str | None, *, alone: bool = False) -> None:
        """Fail in all processes, unless this one is `alone`, if one has a problem."""
        problems = [problem]
        if self._group is not None and not alone:
            problems = [None] * dist.get_world_size()
            dist.all_gather_object(problems, problem, group=self._group)
        found = next(filter(None, problems), None)
        if found is not None:
            self._fail(saved.step, found)

    @property
    def _rank(self) -> int:
        return dist.get_rank() if self._group is not None else 0

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}.ckpt"

    def _fail(self, step: int, found: str) -> NoReturn:
        newest = self.newest()
        kept = f"; the next run goes on from {newest.name}" if newest else ""
        fail(
            "CR606",
            f"the checkpoint {self._path(step).name} cannot be written",
            place=Place(file=str(self.folder)),
            found=found,
            hint=f"make room, or keep fewer checkpoints (train.keep_checkpoints){kept}",
        )


def _step(path: Path) -> int:
    return int(path.name[5:13])


def _problem_of(write: Callable[[], object]) -> str | None:
    """Return why something could not be written; torch says so with a RuntimeError."""
    try:
        write()
    except (OSError, RuntimeError, CheckpointException) as error:
        return _why(error)
    return None


def _why(error: BaseException) -> str:
    if isinstance(error, CheckpointException):
        rank, (first, _) = min(error.failures.items())
        return f"{_why(first)}, in process {rank}"
    return getattr(error, "strerror", None) or str(error).partition("\n")[0]
