"""The folder of a run: where everything lies, files that are whole or absent, one process at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import Place, fail

TRAINED_BY = ("task", "seed", "backbone", "data", "conditioning", "train")
"""The parts of a plan that decide the weights; how many processes share the work does not."""


class RunFolder:
    """`runs/<recipe>/<profile or base>-<hash>/`: one folder for each set of weights.

    The hash covers what decides the weights and how they are measured on the way, so that a change of the gate or of
    the place to publish to continues the same run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan_file, self.lock = path / "plan.yaml", path / ".lock"
        self.log_file = path / "log.jsonl"
        self.stages, self.prepare, self.train = path / "stages", path / "prepare", path / "train"
        self.evaluate, self.package, self.publish = path / "evaluate", path / "package", path / "publish"

    @classmethod
    def of(cls, plan: Plan, root: Path) -> RunFolder:
        """Return the folder of the runs of this plan below `root`."""
        decides = [plan.fingerprint(*TRAINED_BY), plan.evaluate.every]
        return cls(root / plan.recipe / f"{plan.profile or 'base'}-{digest(decides)[:8]}")

    @property
    def has_trained(self) -> bool:
        """Whether its training began once."""
        return (self.stages / "train.json").is_file()

    @property
    def models(self) -> Path:
        """Where models of all runs are published to when they are not for the Hub."""
        return self.path.parent.parent / "published"

    @property
    def metrics(self) -> Path:
        """The flat figures of the evaluation."""
        return self.evaluate / "metrics.json"

    @property
    def report(self) -> Path:
        """The report, one HTML file."""
        return self.evaluate / "report.html"


def digest(value: Any) -> str:
    """Return the sha256, as hex, of a value that JSON can hold; the order of keys counts, as that of views does."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote, or None where there is no such file or it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextmanager
def only_process(lock: Path, *, wait: Callable[[int], None] | None = None) -> Iterator[None]:
    """Hold the file `lock` for this process; the system lets go of it when the process ends, however it ends.

    Where another process holds it: with `wait`, call it once with that process's id and wait; otherwise raise
    RecipeError CR650.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+", encoding="utf-8") as file:
        if not _locked(file.fileno()):
            _wait(lock, file.fileno(), wait)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _wait(lock: Path, descriptor: int, wait: Callable[[int], None] | None) -> None:
    holder = _holder(lock)
    if wait is None:
        fail(
            "CR650",
            f"process {holder} is already working in this run",
            place=Place(file=str(lock.parent)),
            expected="one process in a run at a time",
            hint=f"wait until it is done, or stop it with `kill {holder}` and repeat the command",
        )
    wait(holder)
    while not _locked(descriptor):
        time.sleep(0.2)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: Path) -> int:
    text = lock.read_text(encoding="utf-8")
    return int(text) if text.isdigit() else 0
