"""`cosmos-recipe run`: from a recipe to a published model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cosmos_recipes.cli import complete
from cosmos_recipes.cli.job import send

if TYPE_CHECKING:
    from cosmos_recipes.compiler.plan import Plan
    from cosmos_recipes.launch.nodes import Node
    from cosmos_recipes.launch.target import Target
    from cosmos_recipes.run.opening import Opened
    from cosmos_recipes.run.run import RunResult

Format = Literal["text", "json", "github", "sarif"]


def run(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe (name or path), or what was run or published: a plan.yaml, a folder, hf://owner/name@revision.",
            autocompletion=complete.runnable,
        ),
    ],
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="A profile of the recipe.", autocompletion=complete.profiles)
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value: key.path=value; may be repeated.")
    ] = None,
    frozen: Annotated[
        bool,
        typer.Option("--frozen", help="Of what was run or published: refuse whatever is not as its lock says."),
    ] = False,
    nproc: Annotated[
        int | None, typer.Option("--nproc", min=1, help="Processes that train here; the plan says.")
    ] = None,
    on: Annotated[
        str,
        typer.Option(
            "--on", help="Where: local, slurm, kubernetes, skypilot, huggingface, or a cluster of clusters.yaml."
        ),
    ] = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent or started, and do nothing.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Send the job and return at once.")] = False,
    node: Annotated[
        int | None, typer.Option("--node", min=0, help="Which of the plan's machines this is, from 0.")
    ] = None,
    rendezvous: Annotated[str | None, typer.Option("--rendezvous", help="HOST:PORT of the first machine.")] = None,
    runs: Annotated[
        Path | None, typer.Option("--runs", help="The folder of the runs; by default that of the cluster, or runs.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How problems are written.")] = "text",
) -> None:
    """Prepare the data, train, evaluate, package and publish; what is done and unchanged is skipped.

    Interrupted or killed, the same command goes on where it stopped and ends in the same result; stopped by SIGTERM
    it saves and exits with 75, after which a scheduler should start it again. With --on the run is
    sent to a cluster as a job, with recipe and code as they are now.

    What was run or published before is run again from its plan. What is otherwise here than its lock says (packages,
    code, data, base, contract) is told, and with --frozen refused; with --on, by the machines that train, before they
    do. The result goes into a folder, unless --set publish.repo says another place; where the same data lies there says
    --set dataset.use.source.path=PATH.

    \b
    Examples:
      cosmos-recipe run recipes/factory.yaml
      cosmos-recipe run factory --set train.steps=2000 --set seed=1
      cosmos-recipe run factory --set dataset.use=path/to/videos --nproc 2
      cosmos-recipe run runs/factory/base-1a2b3c4d/plan.yaml
      cosmos-recipe run hf://owner/model@run-base-1a2b3c4d-5e6f7a8b --frozen
      cosmos-recipe run hf://owner/model --frozen --on my-cluster
      cosmos-recipe run arm-actions --profile predict2.5-2b --on slurm --dry-run
      cosmos-recipe run arm-actions --profile predict2.5-2b --on my-cluster
    """
    from cosmos_recipes.cli.failures import rendered_as
    from cosmos_recipes.launch.clusters import find_cluster

    with rendered_as(form):
        machine = Machine(nproc=nproc, node=node, rendezvous=rendezvous)
        if on != "local":
            machine.require_none(on)
            target = find_cluster(on)
            opened = _open(recipe, profile, overrides or [], frozen=frozen, target=target)
            send(opened, target, cluster=on, runs=runs, dry_run=dry_run, detach=detach)
            return
        if detach:
            raise typer.BadParameter("a run on this machine is not sent anywhere", param_hint="--detach")
        opened = _open(recipe, profile, overrides or [], frozen=frozen)
        if dry_run:
            typer.echo(machine.script(opened.plan), nl=False)
            return
        carry_out(opened, root=runs or Path("runs"), nproc=nproc, node=machine.node_of(opened.plan))


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the command says of this machine: how many processes train here, and which of several it is."""

    nproc: int | None
    node: int | None
    rendezvous: str | None

    def require_none(self, cluster: str) -> None:
        """Refuse options that say how this machine trains where another does."""
        for name, value in (("--nproc", self.nproc), ("--node", self.node), ("--rendezvous", self.rendezvous)):
            if value is not None:
                raise typer.BadParameter(
                    f"it is said of this machine, and --on {cluster} trains elsewhere; the recipe's `hardware` says how "
                    "many machines and processes there are",
                    param_hint=name,
                )

    def script(self, plan: Plan) -> str:
        """Return what would train here."""
        from cosmos_recipes.compiler.emit import launch_script

        here = {"devices": self.nproc} if self.nproc else {}
        return launch_script(plan.hardware.model_copy(update=here))

    def node_of(self, plan: Plan) -> Node | None:
        """Return which of the plan's machines this is, None where it is the only one.

        Raises:
            RecipeError: there is no such machine, or no such place to meet (CR238).
        """
        from cosmos_recipes.launch.nodes import Node

        if self.node is None and self.rendezvous is None:
            return None
        if self.node is None or self.rendezvous is None:
            raise typer.BadParameter("--node and --rendezvous go together", param_hint="--node")
        return Node.of(self.node, plan.hardware.nodes, self.rendezvous)


def carry_out(opened: Opened, *, root: Path, nproc: int | None, node: Node | None = None) -> None:
    """Run what was opened, show its progress, and end with where everything is."""
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.launch.clusters import require_file_system
    from cosmos_recipes.run.folder import RunFolder
    from cosmos_recipes.run.opening import going_on
    from cosmos_recipes.run.run import run as run_plan

    require_file_system(str(root))
    screen = Screen()
    folder = RunFolder.of(opened.plan, root)
    opened = going_on(opened, folder)
    screen.note(f"{opened.plan.recipe}: {opened.plan.summary}\nRun folder: {folder.path}")
    for note in opened.plan.notes:
        screen.note(f"note: {note}")
    for note in opened.locked.notes if opened.locked else ():
        screen.note(note)
    try:
        result = run_plan(
            opened.plan, opened.documents, root=root, nproc=nproc, node=node, progress=screen, locked=opened.locked
        )
    finally:
        screen.close()
        if folder.report.exists():
            screen.note(f"Report: {folder.report}")
    if result.published:
        typer.echo("\n".join(summary(result)))


def summary(result: RunResult) -> list[str]:
    """Return the last lines of a run: what came out, and where it is."""
    from cosmos_recipes.evaluation.task_words import task_words

    metrics = result.metrics
    rows = [
        ("", "model", "copy of the last frame"),
        ("PSNR", f"{metrics['psnr_db']:.2f} dB", f"{metrics['psnr_copy_db']:.2f} dB"),
        ("SSIM", f"{metrics['ssim']:.3f}", f"{metrics['ssim_copy']:.3f}"),
    ]
    if metrics["psnr_moving_db"] is not None:
        moving = (f"{metrics['psnr_moving_db']:.2f} dB", f"{metrics['psnr_moving_copy_db']:.2f} dB")
        rows.insert(2, ("PSNR, moving pixels", *moving))
    lines = ["", *(f"  {name:<22}{ours:<14}{copy}".rstrip() for name, ours, copy in rows)]
    if metrics["adherence"] is not None:
        interval = f"95 % interval {metrics['adherence_low']:.2f} to {metrics['adherence_high']:.2f}"
        lines.append(f"  {'Adherence':<22}{metrics['adherence']:.2f} ({interval}; 1 ignores the control)")
    if words := task_words(metrics["task"]):
        lines.append(f"  {'Task':<22}{words}")
    return [*lines, "", f"Model:  {result.published}"]


def _open(
    recipe: str, profile: str | None, overrides: list[str], *, frozen: bool, target: Target | None = None
) -> Opened:
    from cosmos_recipes.run.again import open_again
    from cosmos_recipes.run.locked import fail_without_lock
    from cosmos_recipes.run.opening import open_recipe
    from cosmos_recipes.run.references import find

    named = find(recipe, weights=False)
    if named is not None and named.plan_file.is_file():
        if profile:
            raise typer.BadParameter("a plan is of one profile; --profile goes with a recipe", param_hint="--profile")
        return open_again(named, overrides=overrides, frozen=frozen, target=target)
    if frozen:
        fail_without_lock(recipe)
    return open_recipe(recipe, profile=profile, overrides=overrides)
