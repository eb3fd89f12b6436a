"""`cosmos-recipe job`: how jobs are that were sent to clusters, what they write, and how they are ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos_recipes.diagnostics import RecipeError

if TYPE_CHECKING:
    from cosmos_recipes.launch.target import Target
    from cosmos_recipes.run.jobs import SentJob
    from cosmos_recipes.run.opening import Opened

app = typer.Typer(
    help="""Say how jobs are that `run --on` sent to clusters, show what they write, end them.

    \b
    Examples:
      cosmos-recipe run arm-actions --on slurm
      cosmos-recipe job status
      cosmos-recipe job logs runs/arm-actions/base-1a2b3c4d --follow
      cosmos-recipe job cancel runs/arm-actions/base-1a2b3c4d
    """,
    no_args_is_help=True,
)
Run = Annotated[Path, typer.Argument(help="The folder of a run.", exists=True, file_okay=False)]


@app.command()
def status(
    run: Annotated[
        Path | None, typer.Argument(help="The folder of a run; by default every job.", exists=True, file_okay=False)
    ] = None,
    runs: Annotated[
        Path | None, typer.Option("--runs", help="A folder of runs; by default ./runs and those of clusters.yaml.")
    ] = None,
) -> None:
    """Say how a job is, or all jobs that are known here, the newest first."""
    from cosmos_recipes.launch.clusters import folders_of_runs
    from cosmos_recipes.run.jobs import SentJob, sent_jobs

    roots = [runs] if runs else [Path("runs"), *folders_of_runs()]
    folders = [run] if run else sent_jobs(roots)
    if not folders:
        typer.echo(f"No job was sent from {' or '.join(map(str, roots))}.")
    for folder in folders:
        try:
            job = SentJob.of(folder)
            now = job.status()
        except RecipeError as error:
            if run:
                raise
            typer.echo(f"{'unknown':<10} {folder}  ({error.problems[0].message})")
        else:
            typer.echo(f"{now.state:<10} {job.sent.cluster}:{job.sent.id:<10} {job.sent.time}  {folder}  ({now.words})")


@app.command()
def logs(
    run: Run, follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False
) -> None:
    """Show what a job wrote. With --follow, Ctrl-C ends the showing, not the job."""
    from cosmos_recipes.run.jobs import SentJob

    for line in SentJob.of(run).logs(follow=follow):
        typer.echo(line)


@app.command()
def cancel(run: Run) -> None:
    """End a job for good. The run keeps what it did; sending it again goes on from there."""
    from cosmos_recipes.run.jobs import SentJob

    job = SentJob.of(run)
    job.cancel()
    typer.echo(f"Cancelled {job.sent.id} on {job.sent.cluster}.")


def send(opened: Opened, target: Target, *, cluster: str, runs: Path | None, dry_run: bool, detach: bool) -> None:
    """Send what was opened to a cluster and show what it writes until it ends; or show what would be sent."""
    from cosmos_recipes.run import jobs

    for note in opened.locked.notes if opened.locked else ():
        typer.echo(note, err=True)
    job = jobs.job_of(opened, target, runs)
    if dry_run:
        typer.echo(target.render(job), nl=False)
        return
    sent = jobs.send(opened, target, job, cluster=cluster)
    typer.echo(f"Sent {sent.sent.id} to {cluster}.\nRun folder: {job.run}", err=True)
    if not detach:
        _watch(sent, target)


def _watch(job: SentJob, target: Target) -> None:
    from cosmos_recipes.cli.main import Stopped

    folder = job.job.run
    try:
        for line in job.logs(follow=True):
            typer.echo(line)
    except Stopped as stop:
        typer.echo(
            f"\nThe job goes on without this command.\n    cosmos-recipe job logs {folder} --follow\n"
            f"    cosmos-recipe job status {folder}\n    cosmos-recipe job cancel {folder}",
            err=True,
        )
        raise typer.Exit(stop.exit_code) from None
    ended = job.status()
    typer.echo(f"{ended.state}: {ended.words}", err=True)
    if ended.state != "finished":
        raise typer.Exit(4)
