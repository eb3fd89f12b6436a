"""A run from a plan: prepare, train, evaluate, package, publish; each stage is skipped while nothing of it changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmos_recipes.compiler.emit import write_files
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.launch.nodes import Node
from cosmos_recipes.publishing.publish import preflight
from cosmos_recipes.run.fault import FaultFile
from cosmos_recipes.run.folder import RunFolder, only_process
from cosmos_recipes.run.locked import Locked
from cosmos_recipes.run.outcome import outcome
from cosmos_recipes.run.progress import Progress, Silent
from cosmos_recipes.run.results import require_gate
from cosmos_recipes.run.stages import Done
from cosmos_recipes.run.work import STAGES, StageName, Work
from cosmos_recipes.training.log import StepLog


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run came to. `stages` holds those that were reached; `published` says where the model is."""

    folder: RunFolder
    stages: dict[str, Done] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, Any]:
        """The flat figures of the evaluation; empty before it."""
        done = self.stages.get("evaluate")
        return done.record.summary if done else {}

    @property
    def train_seconds(self) -> float:
        """Seconds spent in training, over all resumes."""
        seconds: float = self.stages["train"].record.summary["seconds"]
        return seconds

    @property
    def published(self) -> str | None:
        """Where the model was published: a folder or an address."""
        if "publish" not in self.stages:
            return None
        receipt = self.stages["publish"].record.summary
        where: str = receipt["where"]
        return str(self.folder.models / receipt["repo"] / "latest") if receipt["target"] == "local" else where


def run(
    plan: Plan,
    documents: Mapping[str, str],
    *,
    root: Path = Path("runs"),
    nproc: int | None = None,
    node: Node | None = None,
    progress: Progress | None = None,
    until: StageName = "publish",
    locked: Locked | None = None,
) -> RunResult:
    """Carry out the plan in its folder below `root`, as far as stage `until`.

    `documents` are the texts of `compiler.emit` by file name; they go into the folder. `nproc` is the number of
    processes that train on this machine; by default the plan says. With a `node` this machine trains together with
    others, of which the first does everything else. With a lock it is held to that.

    Raises:
        RecipeError: a stage cannot be done (CR5xx to CR8xx), or the data is not that of the lock (CR240); what was done
            stays done.
        StoppedElsewhere: training ended because another machine was asked to stop.
    """
    folder, progress = RunFolder.of(plan, root), progress or Silent()
    devices = nproc or plan.hardware.devices
    work = Work(plan, root=root, folder=folder, nproc=devices, progress=progress, node=node, locked=locked)
    if node is not None and not node.is_first:
        return _join(work)
    with only_process(folder.lock), FaultFile(folder.path / "fault.txt"):
        write_files(work.kept(documents), folder.path)
        if not work.is_trained:
            work.fetch_weights()
            if until == "publish":
                preflight(plan)
        result = RunResult(folder=folder)
        for number, name in enumerate(STAGES[: STAGES.index(until) + 1], 1):
            progress.begin(name, number, len(STAGES))
            result.stages[name] = _do(work, name, folder)
            progress.end(outcome(name, result.stages[name]))
        if locked and locked.weights and "package" in result.stages:
            progress.note(locked.outcome(folder.package))
        return result


def _join(work: Work) -> RunResult:
    work.progress.begin("train", STAGES.index("train") + 1, len(STAGES))
    work.progress.end("done together with the other machines" if work.join() else "unchanged")
    return RunResult(folder=work.folder)


def _do(work: Work, name: StageName, folder: RunFolder) -> Done:
    began_s = time.monotonic()
    done = work.do(name)
    seconds = round(time.monotonic() - began_s, 3)
    if name == "evaluate":
        require_gate(work.plan, folder)
    if done.outcome != "unchanged":
        StepLog(folder.log_file).append({"stage": name, "outcome": done.outcome, "seconds": seconds})
    return done
