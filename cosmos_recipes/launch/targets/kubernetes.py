"""Kubernetes: a Job of one pod for each machine, which find each other through a headless service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, ClassVar, Literal

from pydantic import Field

from cosmos_recipes.compiler.emit import to_yaml
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.launch.job import HOPELESS_CODES, STOPPED_CODES, Job, Sent, Status
from cosmos_recipes.launch.package import CODE
from cosmos_recipes.launch.script import PORT, command, script
from cosmos_recipes.launch.tail import ASK_S
from cosmos_recipes.launch.target import AbsolutePath, Target, Words
from cosmos_recipes.launch.tools import call, found_in, json_of, stream
from cosmos_recipes.recipe.quantities import Duration
from cosmos_recipes.recipe.spec import Count, Positive

TOKEN_FOLDER = "/var/run/secrets/cosmos-recipes"
CONTAINER = "train"
Entry = dict[str, Any]


class Kubernetes(Target):
    """A Kubernetes cluster, to which kubectl on this machine is connected."""

    document: ClassVar[str] = "job.k8s.yaml"
    program: ClassVar[str] = "kubectl"
    install: ClassVar[str] = "install kubectl and connect it to the cluster: https://kubernetes.io/docs/tasks/tools"

    kind: Literal["kubernetes"] = Field("kubernetes", description="A Kubernetes cluster.")
    image: Words = Field(description="The container image, which has Python and what cosmos-recipes needs.")
    claim: Words = Field(
        description="The persistent volume claim of the shared storage; many pods must be able to write to it."
    )
    mount: AbsolutePath = Field(description="Where that storage is in the pods, and here: `runs` lies in it.")
    context: Words | None = Field(None, description="The context of kubectl; by default the current one.")
    namespace: Words = Field("default", description="The namespace of the job.")
    python: AbsolutePath | None = Field(None, description="The Python in the image; by default python3 on its PATH.")
    cpus: Positive | None = Field(None, description="CPU cores that each pod asks for.")
    memory: Words | None = Field(
        None, description="Memory that each pod asks for as Kubernetes writes it, such as `900Gi`."
    )
    nodes: dict[Words, Words] = Field(
        default_factory=dict, description="Labels that the nodes must have: {accelerator: h100}."
    )
    retries: Count = Field(
        3,
        description="How often the job is started again after a failure that may pass; being stopped and asked to go on does not count.",
    )
    grace: Duration = Field(600.0, description="How long a pod that is told to stop may take to save.")
    secret: Words | None = Field(
        None,
        description="The Secret that holds what the job may know: its key `token` is the Hub's token, which pods see as a file, and each name in `environment` is a key of it.",
    )

    def render(self, job: Job) -> str:
        """Return the manifest: a Job, and for several machines the service by which they find the first."""
        if self.environment and not self.secret:
            fail(
                "CR235",
                "nothing says where the job's environment comes from",
                expected="`secret`: a Secret that has each name in `environment` as a key",
                found=f"environment: {self.environment}",
                hint="kubectl create secret generic NAME --from-literal=… , and name it in the cluster's entry",
            )
        require_below(job.root, self.mount)
        parts = [self._job(job)]
        if job.plan.hardware.nodes > 1:
            parts.insert(0, _service(job, self.namespace))
        return "---\n".join(map(to_yaml, parts))

    def submit(self, job: Job) -> str:
        """Create what the manifest says; what an ended job of this run left is removed first."""
        self._delete(job.name)
        said = self._kubectl("create", "--output=name", f"--filename={job.folder / self.document}")
        return found_in(call(type(self), *said), r"^job\.batch/([a-z0-9-]+)$", said_by=said)

    def status(self, sent: Sent, job: Job) -> Status:
        """Return what the Job's conditions say."""
        said = self._kubectl("get", "job", sent.id, "--ignore-not-found", "--output=json")
        answer = call(type(self), *said)
        return (
            job_status(json_of(answer, said_by=said))
            if answer.strip()
            else Status(state="unknown", words="no such job")
        )

    def logs(self, sent: Sent, job: Job, *, follow: bool) -> Iterator[str]:
        """Yield what the pods write."""
        pods = [f"--selector=batch.kubernetes.io/job-name={sent.id}", "--prefix", "--max-log-requests=64", "--tail=-1"]
        if not follow:
            yield from stream(type(self), *self._kubectl("logs", *pods))
            return
        since: list[str] = []
        while not (status := self.status(sent, job)).has_ended and status.state != "unknown":
            if status.state == "running":
                yield from stream(type(self), *self._kubectl("logs", *pods, *since, "--follow"))
                # What comes next is from pods that take the place of these.
                since = [f"--since-time={datetime.now(UTC).isoformat(timespec='seconds')}"]
            time.sleep(ASK_S)

    def cancel(self, sent: Sent, job: Job) -> None:
        """Delete the Job and its service."""
        self._delete(sent.id)

    def _delete(self, name: str) -> None:
        call(type(self), *self._kubectl("delete", "job,service", name, "--ignore-not-found", "--wait=true"))

    def _kubectl(self, *arguments: str) -> list[str]:
        context = [f"--context={self.context}"] if self.context else []
        return [self.program, *context, f"--namespace={self.namespace}", *arguments]

    def _job(self, job: Job) -> Entry:
        nodes = job.plan.hardware.nodes
        together = {"completionMode": "Indexed", "completions": nodes, "parallelism": nodes} if nodes > 1 else {}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": _named(job, self.namespace),
            "spec": {
                **together,
                "backoffLimit": self.retries,
                "podFailurePolicy": {"rules": list(_rules())},
                "template": {"metadata": {"labels": _labels(job)}, "spec": self._pod(job)},
            },
        }

    def _pod(self, job: Job) -> Entry:
        return {
            **({"subdomain": job.name} if job.plan.hardware.nodes > 1 else {}),
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": round(self.grace),
            **({"nodeSelector": dict(self.nodes)} if self.nodes else {}),
            "containers": [
                {
                    "name": CONTAINER,
                    "image": self.image,
                    "command": ["bash", "-c", self._script(job)],
                    "env": list(self._env(job)),
                    "resources": self._resources(job),
                    "volumeMounts": list(self._mounts()),
                }
            ],
            "volumes": list(self._volumes()),
        }

    def _script(self, job: Job) -> str:
        package, more = str(job.package), []
        if job.plan.hardware.nodes > 1:
            more = ["--node", '"$JOB_COMPLETION_INDEX"', "--rendezvous", f"{job.name}-0.{job.name}:{PORT}"]
        run = command(self.python or "python3", package, job, *more)
        return script(self.setup, package, run, code=f"{package}/{CODE}")

    def _env(self, job: Job) -> Iterator[Entry]:
        if self.secret:
            yield {"name": "HF_TOKEN_PATH", "value": f"{TOKEN_FOLDER}/token"}
        for name in self.environment:
            yield {"name": name, "valueFrom": {"secretKeyRef": {"name": self.secret, "key": name}}}

    def _resources(self, job: Job) -> Entry:
        hardware = job.plan.hardware
        asked = {"cpu": str(self.cpus) if self.cpus else None, "memory": self.memory}
        requests = {name: value for name, value in asked.items() if value}
        gpus = {"nvidia.com/gpu": str(hardware.devices)} if hardware.accelerator == "gpu" else {}
        return {name: value for name, value in (("requests", requests | gpus), ("limits", gpus)) if value}

    def _mounts(self) -> Iterator[Entry]:
        yield {"name": "storage", "mountPath": self.mount}
        yield {"name": "shared-memory", "mountPath": "/dev/shm"}
        if self.secret:
            yield {"name": "token", "mountPath": TOKEN_FOLDER, "readOnly": True}

    def _volumes(self) -> Iterator[Entry]:
        yield {"name": "storage", "persistentVolumeClaim": {"claimName": self.claim}}
        # The 64 MB that a container has by default are too few for NCCL and for workers that read data.
        yield {"name": "shared-memory", "emptyDir": {"medium": "Memory"}}
        if self.secret:
            token = {"secretName": self.secret, "items": [{"key": "token", "path": "token"}]}
            yield {"name": "token", "secret": {**token, "optional": True}}


def require_below(root: str, mount: str) -> None:
    """Refuse a folder of runs that the pods do not see (CR235)."""
    if not PurePosixPath(root).is_relative_to(mount):
        fail(
            "CR235",
            "the pods do not see the folder of runs",
            expected=f"a folder in {mount}, where the shared storage is",
            found=root,
            hint="name one in `runs` of the cluster, and mount the storage at the same path here",
        )


def job_status(answer: Entry) -> Status:
    """Return how a Job is from what the cluster says of it."""
    said = answer.get("status", {})
    holds = {each["type"]: each.get("message", "") for each in said.get("conditions", []) if each["status"] == "True"}
    if "Complete" in holds or "Failed" in holds:
        return Status(state="finished" if "Complete" in holds else "failed", words=holds.get("Failed", "Complete"))
    if answer["metadata"].get("deletionTimestamp"):
        return Status(state="cancelled", words="being deleted")
    if said.get("ready"):
        return Status(state="running", words=f"{said['ready']} pods ready")
    return Status(state="waiting", words=f"{said.get('active', 0)} pods active, none ready")


def _rules() -> Iterator[Entry]:
    """Yield what pods' exit codes mean: what was stopped goes on for ever, what fails again the same way ends the job."""
    yield {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    for action, codes in (("Ignore", STOPPED_CODES), ("FailJob", HOPELESS_CODES)):
        exits = {"containerName": CONTAINER, "operator": "In", "values": list(codes)}
        yield {"action": action, "onExitCodes": exits}


def _service(job: Job, namespace: str) -> Entry:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _named(job, namespace),
        "spec": {
            "clusterIP": "None",
            # The first pod is looked for while it still prepares.
            "publishNotReadyAddresses": True,
            "selector": _labels(job),
            "ports": [{"name": "meet", "port": PORT}],
        },
    }


def _named(job: Job, namespace: str) -> Entry:
    return {"name": job.name, "namespace": namespace, "labels": _labels(job)}


def _labels(job: Job) -> dict[str, str]:
    return {"app.kubernetes.io/name": "cosmos-recipes", "cosmos-recipes/run": job.name}
