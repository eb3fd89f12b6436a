"""A job: one run, packed and sent to a cluster, and what is known of it afterwards."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.files import write_json
from cosmos_recipes.training.stopping import STOPPED

State = Literal["waiting", "running", "finished", "failed", "cancelled", "unknown"]
ENDED: tuple[State, ...] = ("finished", "failed", "cancelled")
STOPPED_CODES = (STOPPED, 143)
"""Exit codes of a run that was asked to stop and goes on when it is started again; 143 before it could do anything."""
HOPELESS_CODES = (2, 3, 5, 6)
"""Exit codes of a run that ends the same way when it is started again: recipe, data, gate, publishing."""
_LONGEST_NAME = 52


class StoppedElsewhere(BaseException):
    """Training saved its state and ended because one of its processes, maybe on another machine, was asked to stop."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """How a job is; `words` is what the cluster itself says."""

    state: State
    words: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether the job will do nothing more."""
        return self.state in ENDED


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is sent: the plan, the folder of its run, and the folder of runs `root` as the job sees it.

    A `frozen` job refuses, on the machine that trains, whatever is not as the lock in its package says.
    """

    plan: Plan
    run: Path
    root: str
    frozen: bool = False

    @property
    def folder(self) -> Path:
        """Where everything about the job lies: its package, its script, its output."""
        return self.run / "job"

    @property
    def package(self) -> Path:
        """What the job runs: plan, recipe and code as they were when it was sent."""
        return self.folder / "package"

    @property
    def output(self) -> Path:
        """What the job says, where the cluster writes it on shared storage."""
        return self.folder / "output.log"

    @property
    def name(self) -> str:
        """A name that every cluster takes: lower-case letters, digits and dashes, the run's own hash at its end."""
        plain = re.sub(r"[^a-z0-9]+", "-", f"{self.plan.recipe}-{self.run.name}".lower()).strip("-")
        return plain if len(plain) <= _LONGEST_NAME else f"{plain[: _LONGEST_NAME - 9].rstrip('-')}-{plain[-8:]}"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What `job.json` holds: where a job was sent, with which settings, and its name there. Never a secret.

    `ended` is how it ended, once that was seen, as clusters forget their jobs.
    """

    id: str
    name: str
    cluster: str
    settings: dict[str, Any]
    time: str
    root: str
    ended: State | None = None

    def save(self, run: Path) -> None:
        """Write the record into the folder of a run."""
        write_json(record_file(run), asdict(self))


def record_file(run: Path) -> Path:
    """Return where the folder of a run keeps the record of its job."""
    return run / "job" / "job.json"
