"""Hugging Face Jobs: one rented machine, started with the command `hf`, which comes with huggingface_hub."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from cosmos_recipes.compiler.plan import HardwarePlan
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.launch.job import Job, Sent, State, Status
from cosmos_recipes.launch.local_data import require_data_elsewhere
from cosmos_recipes.launch.script import command, script
from cosmos_recipes.launch.target import AbsolutePath, Target, Words
from cosmos_recipes.launch.tools import call, found_in, hub_token, json_of, stream
from cosmos_recipes.recipe.quantities import Duration
from cosmos_recipes.recipe.spec import Positive

PACKAGE = "/package"
_STATES: dict[str, State] = {
    "SCHEDULING": "waiting",
    "PENDING": "waiting",
    "UPDATING": "waiting",
    "RUNNING": "running",
    "COMPLETED": "finished",
    "CANCELED": "cancelled",
    "DELETED": "cancelled",
    "ERROR": "failed",
}


class HuggingFace(Target):
    """Hugging Face Jobs."""

    document: ClassVar[str] = "job.hf.sh"
    program: ClassVar[str] = "hf"
    install: ClassVar[str] = "pip install huggingface_hub, then `hf auth login`"
    shares_disk: ClassVar[bool] = False

    kind: Literal["huggingface"] = Field("huggingface", description="Hugging Face Jobs.")
    bucket: Words = Field(description="The bucket, as owner/name, that is mounted at `runs` and keeps the runs.")
    image: Words = Field("python:3.12", description="The container image, with Python and pip.")
    flavor: Words = Field(description="The machine, as `hf jobs hardware` lists them: h200x8, a100x4, cpu-upgrade.")
    time: Duration = Field(86400.0, description="How long the job may run.")
    attempts: Positive = Field(
        3,
        description="How often the job is started, the first time included; each goes on where the one before stopped.",
    )
    namespace: Words | None = Field(None, description="The user or organisation that pays; by default the token's own.")
    python: AbsolutePath | None = Field(None, description="The Python in the image; by default python3 on its PATH.")
    token_file: AbsolutePath | None = Field(
        None, description="The file on this machine that holds the Hub's token; by default that of `hf auth login`."
    )

    def render(self, job: Job) -> str:
        """Return the command that starts the job."""
        require_one_machine(job.plan.hardware)
        require_data_elsewhere(job.plan, self.kind, job.root)
        return "#!/bin/sh\nexec " + " \\\n  ".join(map(shlex.join, self._command(job))) + "\n"

    def submit(self, job: Job) -> str:
        """Start the job with the command that the document holds."""
        said = [word for words in self._command(job) for word in words]
        answer = call(type(self), *said, secrets=hub_token(self.token_file))
        return found_in(answer.strip(), r"\A([0-9a-f]{24})\Z", said_by=said)

    def status(self, sent: Sent, job: Job) -> Status:
        """Return what the Hub says."""
        said = self._hf("inspect", "--format", "json", sent.id)
        return inspected(json_of(call(type(self), *said, secrets=hub_token(self.token_file)), said_by=said))

    def logs(self, sent: Sent, job: Job, *, follow: bool) -> Iterator[str]:
        """Yield what the job writes."""
        more = ["--follow"] if follow else []
        return stream(type(self), *self._hf("logs", *more, sent.id), secrets=hub_token(self.token_file))

    def cancel(self, sent: Sent, job: Job) -> None:
        """Cancel the job."""
        call(type(self), *self._hf("cancel", sent.id), secrets=hub_token(self.token_file))

    def _hf(self, verb: str, *arguments: str) -> list[str]:
        namespace = ["--namespace", self.namespace] if self.namespace else []
        return [self.program, "jobs", verb, *namespace, *arguments]

    def _command(self, job: Job) -> Iterator[list[str]]:
        python = self.python or "python3"
        yield self._hf("run", "--detach", "--format", "quiet")
        yield ["--name", job.name]
        yield ["--flavor", self.flavor]
        yield ["--timeout", f"{round(self.time)}s", "--attempts", str(self.attempts)]
        yield ["--secrets", "HF_TOKEN"]
        yield from (["--env", name] for name in self.environment)
        yield ["--volume", f"{job.package}:{PACKAGE}:ro"]
        yield ["--volume", f"hf://buckets/{self.bucket}:{job.root}:rw"]
        yield [self.image]
        yield ["bash", "-c", script(self.setup, PACKAGE, command(python, PACKAGE, job), install=python)]


def require_one_machine(hardware: HardwarePlan) -> None:
    """Refuse a plan for several machines (CR234)."""
    if hardware.nodes > 1:
        fail(
            "CR234",
            "Hugging Face Jobs run on one machine",
            expected="hardware.nodes: 1",
            found=f"hardware.nodes: {hardware.nodes}",
            hint="choose a larger flavor, or another kind of cluster",
        )


def inspected(answer: list[dict[str, Any]]) -> Status:
    """Return how a job is, from what `hf jobs inspect` says."""
    words = str(answer[0]["status"]["stage"])
    return Status(state=_STATES.get(words, "unknown"), words=words)
