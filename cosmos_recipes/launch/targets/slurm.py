"""Slurm: an sbatch script that trains on all nodes of the job, saves in time, and has itself queued again."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from cosmos_recipes.diagnostics import fail
from cosmos_recipes.launch.job import STOPPED_CODES, Job, Sent, State, Status
from cosmos_recipes.launch.script import checked, command
from cosmos_recipes.launch.tail import tail
from cosmos_recipes.launch.target import AbsolutePath, Target, Words
from cosmos_recipes.launch.tools import call, found_in
from cosmos_recipes.recipe.quantities import Duration
from cosmos_recipes.recipe.spec import Positive

TEMPLATE = Path(__file__).with_name("slurm.sh.j2")
EXPORTED = ("HOME", "LANG", "LOGNAME", "PATH", "USER")
"""What a job gets of the environment of the shell that sends it, besides what the cluster's file names."""
_STATES: dict[str, State] = {
    "PENDING": "waiting",
    "CONFIGURING": "waiting",
    "REQUEUED": "waiting",
    "REQUEUE_HOLD": "waiting",
    "REQUEUE_FED": "waiting",
    "SPECIAL_EXIT": "waiting",
    "RESV_DEL_HOLD": "waiting",
    "RUNNING": "running",
    "COMPLETING": "running",
    "RESIZING": "running",
    "SIGNALING": "running",
    "STAGE_OUT": "running",
    "STOPPED": "running",
    "SUSPENDED": "running",
    "COMPLETED": "finished",
    "CANCELLED": "cancelled",
    "REVOKED": "cancelled",
    "BOOT_FAIL": "failed",
    "DEADLINE": "failed",
    "FAILED": "failed",
    "NODE_FAIL": "failed",
    "OUT_OF_MEMORY": "failed",
    "PREEMPTED": "failed",
    "TIMEOUT": "failed",
}


class Slurm(Target):
    """A Slurm cluster, on whose login node `cosmos-recipe` runs."""

    document: ClassVar[str] = "job.sbatch"
    program: ClassVar[str] = "sbatch"
    install: ClassVar[str] = "run this on a login node of the cluster, where sbatch, squeue and scancel are"

    kind: Literal["slurm"] = Field("slurm", description="A Slurm cluster.")
    partition: Words | None = Field(None, description="The partition; by default the cluster's own.")
    account: Words | None = Field(None, description="Whose account the job is charged to.")
    qos: Words | None = Field(None, description="The quality of service.")
    constraint: Words | None = Field(None, description="Features that the nodes must have.")
    time: Duration | None = Field(
        None,
        description="How long the job may run before it is queued again, such as `24 h`; by default the partition's own limit.",
    )
    grace: Duration = Field(600.0, description="How long before the end of its time the job is told to save and stop.")
    cpus: Positive | None = Field(
        None, description="CPU cores on each node; by default the whole node, for this job alone."
    )
    memory: Words | None = Field(
        None, description="Memory on each node as Slurm writes it, such as `900G` or `0` for all."
    )
    python: AbsolutePath | None = Field(
        None,
        description="The Python that has what cosmos-recipes needs, on the nodes or in the container; by default the one that sends the job, or python3 in a container.",
    )
    container: Words | None = Field(
        None, description="The container image for pyxis (`srun --container-image`); by default none."
    )
    mounts: list[Words] = Field(
        default_factory=list,
        description="Folders that are seen in the container, besides the folder of runs: `/data` or `/data:/inside`.",
    )
    token_file: AbsolutePath | None = Field(
        None,
        description="The file on the nodes that holds the Hub's token; its path is passed on, never what it holds.",
    )

    def render(self, job: Job) -> str:
        """Return the sbatch script."""
        from jinja2 import Environment, StrictUndefined

        if self.time is not None and self.grace >= self.time:
            fail(
                "CR235",
                "the job would be told to stop before it begins",
                expected="`grace` shorter than `time`",
                found=f"grace {self.grace:g} s, time {self.time:g} s",
                hint="lengthen `time`, or shorten `grace` of the cluster",
            )
        environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
        environment.filters["quote"] = lambda value: shlex.quote(str(value))
        template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
        return template.render(self._values(job)) + "\n"

    def submit(self, job: Job) -> str:
        """Send the script with sbatch."""
        said = ("sbatch", "--parsable", str(job.folder / self.document))
        return found_in(call(type(self), *said), r"^(\d+)(?:;[\w.-]+)?$", said_by=said)

    def status(self, sent: Sent, job: Job) -> Status:
        """Return what squeue says, or, once Slurm has forgotten the job, what its script left."""
        said = ("squeue", "--noheader", "--states=all", "--format=%i %T", "--me")
        states = dict(line.split() for line in call(type(self), *said).splitlines())
        if sent.id in states:
            return Status(state=_STATES.get(states[sent.id], "unknown"), words=states[sent.id])
        code = _exit_code(job)
        if code is None:
            return Status(state="unknown", words="Slurm no longer knows it")
        return Status(state="finished" if code == 0 else "failed", words=f"exit code {code}")

    def logs(self, sent: Sent, job: Job, *, follow: bool) -> Iterator[str]:
        """Yield the lines of the job's output."""
        return tail(job.output, lambda: not follow or self.status(sent, job).has_ended)

    def cancel(self, sent: Sent, job: Job) -> None:
        """End the job with scancel."""
        call(type(self), "scancel", sent.id)

    def _values(self, job: Job) -> dict[str, Any]:
        python = self.python or ("python3" if self.container else sys.executable)
        package = str(job.package)
        return {
            "name": job.name,
            "options": list(self._options(job)),
            "setup": self.setup,
            "folder": job.folder,
            "package": package,
            "checked": checked(package),
            "nodes": job.plan.hardware.nodes,
            "token_file": self.token_file,
            "command": " ".join(command(python, package, job)),
            "step": list(self._step(job)),
            "again": "|".join(map(str, STOPPED_CODES)),
        }

    def _options(self, job: Job) -> Iterator[str]:
        hardware = job.plan.hardware
        yield f"--job-name={job.name}"
        for name in ("partition", "account", "qos", "constraint"):
            if value := getattr(self, name):
                yield f"--{name}={value}"
        if self.time is not None:
            yield f"--time={_slurm_time(self.time)}"
        yield f"--nodes={hardware.nodes}"
        yield "--ntasks-per-node=1"
        yield f"--cpus-per-task={self.cpus}" if self.cpus else "--exclusive"
        if hardware.accelerator == "gpu":
            yield f"--gpus-per-node={hardware.devices}"
        if self.memory:
            yield f"--mem={self.memory}"
        yield f"--output={shlex.quote(str(job.output).replace('%', '%%'))}"
        yield "--open-mode=append"
        yield "--requeue"
        yield f"--signal=B:TERM@{round(self.grace)}"
        yield f"--export={','.join([*EXPORTED, *(name for name in self.environment if name not in EXPORTED)])}"

    def _step(self, job: Job) -> Iterator[str]:
        yield "--export=ALL"
        yield "--cpu-bind=none"
        yield "--ntasks-per-node=1"
        if self.cpus:
            yield f"--cpus-per-task={self.cpus}"
        if self.container:
            mounts = [*dict.fromkeys([job.root, *self.mounts])]
            yield f"--container-image={self.container}"
            yield f"--container-mounts={shlex.quote(','.join(mounts))}"


def _slurm_time(time_s: float) -> str:
    minutes = -(-int(time_s) // 60)
    return f"{minutes // 1440}-{minutes // 60 % 24:02}:{minutes % 60:02}:00"


def _exit_code(job: Job) -> int | None:
    file = job.folder / "exit-code"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return int(text) if re.fullmatch(r"\d+\n", text) else None
