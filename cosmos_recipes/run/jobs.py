"""Runs as jobs of a cluster: packed and sent, found again by the folder of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cosmos_recipes.compiler.compile import read_plan
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import remove, write_text
from cosmos_recipes.launch.clusters import require_file_system
from cosmos_recipes.launch.job import Job, Sent, Status, record_file
from cosmos_recipes.launch.package import write_package
from cosmos_recipes.launch.target import Target, targets
from cosmos_recipes.recipe.validation import validate
from cosmos_recipes.run.folder import RunFolder, read_json
from cosmos_recipes.run.opening import Opened
from cosmos_recipes.run.references import LOCK, PLAN, RECIPE

PACKED = (PLAN, RECIPE, LOCK)


def job_of(opened: Opened, target: Target, runs: Path | None) -> Job:
    """Return the job that a run becomes on a cluster. `runs` is the folder of runs, by default that of the cluster.

    Raises:
        RecipeError: the folder of runs is in an object store (CR236), or not named for machines elsewhere (CR235).
    """
    here = Path(target.runs) if target.shares_disk and target.runs and runs is None else runs or Path("runs")
    require_file_system(str(here))
    run = RunFolder.of(opened.plan, here.absolute()).path
    frozen = opened.locked is not None and opened.locked.frozen
    if target.shares_disk:
        return Job(plan=opened.plan, run=run, root=str(here.absolute()), frozen=frozen)
    if target.runs is None:
        fail(
            "CR235",
            "nothing says where the machines keep the run",
            place=Place(file="clusters.yaml"),
            expected="`runs`: a folder of the machines that outlives them and that they share",
            hint="name it in the cluster's entry",
        )
    return Job(plan=opened.plan, run=run, root=target.runs, frozen=frozen)


def send(opened: Opened, target: Target, job: Job, *, cluster: str) -> SentJob:
    """Pack the job and send it.

    Raises:
        RecipeError: a job of this run is at work (CR661), it cannot be rendered, packed or sent (CR23x, CR65x, CR660).
    """
    _require_idle(job)
    text = target.render(job)
    held = opened.locked.packed() if opened.locked else {}
    documents = {name: opened.documents[name] for name in PACKED} | held
    write_package(job.package, documents, unpacked=target.shares_disk)
    write_text(job.folder / target.document, text)
    remove(record_file(job.run))
    remove(job.output)
    sent = Sent(
        id=target.submit(job),
        name=job.name,
        cluster=cluster,
        settings=target.model_dump(mode="json"),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        root=job.root,
    )
    sent.save(job.run)
    return SentJob(job=job, sent=sent, target=target)


@dataclass(frozen=True, kw_only=True)
class SentJob:
    """A job that was sent, and the cluster that it was sent to."""

    job: Job
    sent: Sent
    target: Target

    @classmethod
    def of(cls, run: Path) -> Self:
        """Return the job of a run's folder.

        Raises:
            RecipeError: no job was sent from it (CR662), or its record or plan cannot be read (CR663, CR341).
        """
        if not record_file(run).is_file():
            fail(
                "CR662",
                "no job was sent from this folder",
                place=Place(file=str(run)),
                expected="the folder of a run that was sent with --on",
                hint="`cosmos-recipe job status` lists the jobs of a folder of runs",
            )
        sent = _read(run)
        plan = read_plan(run / "job" / "package" / PLAN)
        target = validate(targets()[sent.settings["kind"]], sent.settings, lambda *_: Place(file=str(record_file(run))))
        return cls(job=Job(plan=plan, run=run.absolute(), root=sent.root), sent=sent, target=target)

    def status(self) -> Status:
        """Ask the cluster how the job is; how it ended is kept, as clusters forget."""
        if self.sent.ended:
            return Status(state=self.sent.ended, words="as seen before")
        status = self.target.status(self.sent, self.job)
        if status.has_ended:
            replace(self.sent, ended=status.state).save(self.job.run)
        return status

    def logs(self, *, follow: bool) -> Iterator[str]:
        """Yield the lines that the job wrote; with `follow`, until it ends."""
        return self.target.logs(self.sent, self.job, follow=follow)

    def cancel(self) -> None:
        """End the job for good; what the run has done stays."""
        self.target.cancel(self.sent, self.job)


def sent_jobs(roots: Iterable[Path]) -> list[Path]:
    """Return the folders of runs below some folders from which jobs were sent, the newest first."""
    records = {record.resolve(): record for root in roots for record in root.glob("*/*/job/job.json")}
    return [
        record.parents[1] for record in sorted(records.values(), key=lambda path: path.stat().st_mtime, reverse=True)
    ]


def _read(run: Path) -> Sent:
    try:
        sent = Sent(**read_json(record_file(run)))
        known = sent.settings["kind"] in targets()
    except (KeyError, TypeError):
        known = False
    if not known:
        fail(
            "CR663",
            "the record of the job cannot be read",
            place=Place(file=str(record_file(run))),
            expected="what `cosmos-recipe run --on` wrote",
            hint="see with the cluster's own tools that no job is at work, then remove this file",
        )
    return sent


def _require_idle(job: Job) -> None:
    if not record_file(job.run).is_file():
        return
    before = SentJob.of(job.run)
    status = before.status()
    if status.state in ("waiting", "running"):
        fail(
            "CR661",
            f"a job of this run is {status.state} already",
            place=Place(file=str(job.run)),
            expected="one job for each run",
            found=f"{before.sent.id} on {before.sent.cluster}: {status.words}",
            hint=f"`cosmos-recipe job logs {job.run}` shows what it does, `cosmos-recipe job cancel {job.run}` ends it",
        )
