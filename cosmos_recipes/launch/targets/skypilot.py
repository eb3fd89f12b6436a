"""SkyPilot: a managed job on rented machines, which SkyPilot finds, and starts again where they are taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from cosmos_recipes.compiler.emit import to_yaml
from cosmos_recipes.launch.job import STOPPED_CODES, Job, Sent, State, Status
from cosmos_recipes.launch.local_data import require_data_elsewhere
from cosmos_recipes.launch.script import PORT, command, script
from cosmos_recipes.launch.target import AbsolutePath, Target, Words
from cosmos_recipes.launch.tools import call, found_in, hub_token, json_of, stream
from cosmos_recipes.recipe.spec import Count, Positive

PACKAGE = "/tmp/cosmos-recipes-package"
"""Where the machines find the package, which SkyPilot copies to them."""
_STATES: dict[str, State] = {
    "PENDING": "waiting",
    "SUBMITTED": "waiting",
    "STARTING": "waiting",
    "RECOVERING": "waiting",
    "RUNNING": "running",
    "WINDING_DOWN": "running",
    "CANCELLING": "running",
    "SUCCEEDED": "finished",
    "CANCELLED": "cancelled",
}


class SkyPilot(Target):
    """Clouds and clusters that SkyPilot knows."""

    document: ClassVar[str] = "job.sky.yaml"
    program: ClassVar[str] = "sky"
    install: ClassVar[str] = (
        "pip install 'skypilot[aws]' into an environment of its own (or gcp, kubernetes, …), then `sky check`"
    )
    shares_disk: ClassVar[bool] = False

    kind: Literal["skypilot"] = Field("skypilot", description="Clouds and clusters that SkyPilot knows.")
    infra: Words | None = Field(
        None,
        description="Where: a cloud, `aws/us-east-1`, `k8s/my-context`; by default the cheapest that has the GPUs.",
    )
    accelerator: Words | None = Field(
        None, description="SkyPilot's name of the GPU; by default that of the plan, as H100 for h100-80gb."
    )
    spot: bool = Field(
        True, description="Rent machines that can be taken away, for a lower price; the run goes on on others."
    )
    volume: Words | None = Field(
        None,
        description="The SkyPilot volume that is mounted at `runs`; without one the machines must share that folder by other means.",
    )
    image: Words | None = Field(
        None, description="The machine or container image, such as docker:nvcr.io/nvidia/pytorch:25.01-py3."
    )
    cpus: Positive | None = Field(None, description="CPU cores of each machine, at least.")
    disk_gb: Positive = Field(256, description="Size of each machine's disk in GB.")
    retries: Count = Field(3, description="How often the job is started again after a failure that may pass.")
    python: AbsolutePath | None = Field(
        None, description="The Python of the machines; by default python3 on their PATH."
    )
    token_file: AbsolutePath | None = Field(
        None, description="The file on this machine that holds the Hub's token, which SkyPilot gets as a secret."
    )

    def render(self, job: Job) -> str:
        """Return SkyPilot's description of the job."""
        require_data_elsewhere(job.plan, self.kind, job.root)
        return to_yaml(self._task(job))

    def submit(self, job: Job) -> str:
        """Launch a managed job."""
        said = [
            self.program,
            "jobs",
            "launch",
            "--yes",
            "--detach-run",
            *self._secrets(),
            str(job.folder / self.document),
        ]
        answer = call(type(self), *said, secrets=hub_token(self.token_file))
        return found_in(answer, r"Job submitted, ID: (\d+)\b", said_by=said)

    def status(self, sent: Sent, job: Job) -> Status:
        """Return what the queue of managed jobs says."""
        said = [self.program, "jobs", "queue", "--all", "--output", "json"]
        return queue_status(json_of(call(type(self), *said), said_by=said), int(sent.id))

    def logs(self, sent: Sent, job: Job, *, follow: bool) -> Iterator[str]:
        """Yield what the job writes."""
        return stream(type(self), self.program, "jobs", "logs", "--follow" if follow else "--no-follow", sent.id)

    def cancel(self, sent: Sent, job: Job) -> None:
        """Cancel the managed job."""
        call(type(self), self.program, "jobs", "cancel", "--yes", sent.id)

    def _secrets(self) -> list[str]:
        token = ["--secret", "HF_TOKEN"] if self.token_file else []
        return [*token, *(word for name in self.environment for word in ("--env", name))]

    def _task(self, job: Job) -> dict[str, Any]:
        hardware, root = job.plan.hardware, job.root
        more: list[str] = []
        if hardware.nodes > 1:
            first = f'"$(printf "%s\\n" "$SKYPILOT_NODE_IPS" | head -n 1):{PORT}"'
            more = ["--node", '"$SKYPILOT_NODE_RANK"', "--rendezvous", first]
        python = self.python or "python3"
        return {
            "name": job.name,
            "num_nodes": hardware.nodes,
            "resources": dict(self._resources(job)),
            "file_mounts": {PACKAGE: str(job.package)},
            **({"volumes": {root: self.volume}} if self.volume else {}),
            **({"envs": dict.fromkeys(self.environment)} if self.environment else {}),
            **({"secrets": {"HF_TOKEN": None}} if self.token_file else {}),
            "setup": script(self.setup, PACKAGE, ["true"], install=python),
            "run": script(self.setup, PACKAGE, command(python, PACKAGE, job, *more)),
        }

    def _resources(self, job: Job) -> Iterator[tuple[str, Any]]:
        hardware = job.plan.hardware
        if self.infra:
            yield "infra", self.infra
        if hardware.gpu:
            name = self.accelerator or hardware.gpu.partition("-")[0].upper()
            yield "accelerators", f"{name}:{hardware.devices}"
        if self.cpus:
            yield "cpus", f"{self.cpus}+"
        if self.image:
            yield "image_id", self.image
        yield "disk_size", self.disk_gb
        yield "use_spot", self.spot
        yield "job_recovery", {"max_restarts_on_errors": self.retries, "recover_on_exit_codes": list(STOPPED_CODES)}


def queue_status(queue: list[dict[str, Any]], number: int) -> Status:
    """Return how a managed job is, from the queue."""
    words = next((str(each["status"]) for each in queue if each["job_id"] == number), None)
    if words is None:
        return Status(state="unknown", words="SkyPilot no longer knows it")
    name = words.rpartition(".")[2]
    return Status(state="failed" if name.startswith("FAILED") else _STATES.get(name, "unknown"), words=name)
