"""Publish the package of a run: as a stage of the run, or by itself, to where the recipe or a person says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cosmos_recipes.compiler.compile import read_plan
from cosmos_recipes.compiler.licences import origins_of, sharing_note
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.evaluation.measured import read_metrics
from cosmos_recipes.publishing.card.usage import command
from cosmos_recipes.publishing.files import MANIFEST
from cosmos_recipes.publishing.package import Package, address, inspect_package
from cosmos_recipes.publishing.publish import LOCAL, Target, local_name, send
from cosmos_recipes.publishing.receipt import Receipt, Verified
from cosmos_recipes.recipe.json_object import refuse
from cosmos_recipes.run.folder import RunFolder, only_process
from cosmos_recipes.run.published import HUB
from cosmos_recipes.run.references import find, find_model
from cosmos_recipes.run.stages import Stage, perform_again, read_record


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person asks for; without a `repo`, what the recipe said holds."""

    repo: str | None = None
    public: bool = False
    create_pr: bool = False
    verify: Verified = "hashes"


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A package, where it shall go, and the run that it is of, if that is known."""

    folder: Path
    plan: Plan
    target: Target
    run: RunFolder | None

    @property
    def is_of_recipe(self) -> bool:
        """Whether this is what the recipe says, so that the run need not do it any more."""
        said = Target.of(self.plan, self.target.root)
        asked = (self.target.repo, self.target.public, self.target.create_pr)
        return self.run is not None and asked == (said.repo, said.public, said.create_pr)

    @property
    def receipt_file(self) -> Path | None:
        """Where the receipt goes: that of the recipe's own target is part of the stage, others lie beside it."""
        if self.run is None:
            return None
        name = self.target.repo.replace("/", "--") + ("-pull-request" if self.target.create_pr else "")
        return self.run.publish / "receipt.json" if self.is_of_recipe else self.run.path / "receipts" / f"{name}.json"

    @property
    def note(self) -> str | None:
        """What whoever publishes this should know."""
        return sharing_note(origins_of(self.plan))

    def refused(self) -> tuple[Problem, ...]:
        """Return what forbids to publish this, found without asking anybody, besides what is wrong with its files."""
        from cosmos_recipes.evaluation.gate import check_gate

        metrics = read_metrics(self.folder / "metrics.json")
        if not metrics:
            refuse(self.folder / "metrics.json", "no figures of an evaluation")
        return (*check_gate(self.plan.gate, metrics), *self.target.problems(self.plan))


def find_publication(reference: str, asked: Asked, *, runs: Path) -> Publication:
    """Return the package that a reference names: a recipe's name (its newest run), a run's folder, or a package.

    Raises:
        RecipeError: there is none (CR260), it is on the Hub (CR752), the run has none (CR747), or its gate refused (CR8xx).
    """
    run, folder = _find(reference, runs)
    plan = read_plan((run.path if run else folder) / "plan.yaml")
    if run is not None:
        _require_package(run, plan)
    repo = asked.repo or plan.publish.repo
    target = Target(
        repo=repo,
        # What a recipe says of its own repository is not said of another one.
        public=asked.public or (plan.publish.public and repo == plan.publish.repo),
        root=run.models if run else runs / "published",
        name=local_name(plan),
        create_pr=asked.create_pr,
        verify=asked.verify,
    )
    return Publication(folder=folder, plan=plan, target=target, run=run)


def look_at(publication: Publication) -> tuple[Package, tuple[Problem, ...]]:
    """Return what would be published, and all that is refused; no network is used.

    Where a run goes to another repository than its recipe says, the card is made anew: it names where it is.

    Raises:
        RecipeError: there is no manifest, or none that can be read (CR710).
    """
    package, problems = inspect_package(publication.folder)
    # Of a package that is not whole, the figures may be missing as well.
    problems = problems or publication.refused()
    if problems or publication.run is None or publication.target.repo == publication.plan.publish.repo:
        return package, problems
    run, repo = publication.run.path, publication.target.repo
    folder = run / "addressed" / repo.replace("/", "--")
    return address(package, folder, repo=repo, plan=publication.plan, run=run), problems


def publish_package(publication: Publication) -> Receipt:
    """Publish, leave a receipt in the run's folder, and note in its state that this is done, if the recipe says it.

    Raises:
        RecipeError: what is refused (CR332, CR701 to CR711, CR750, CR751, CR8xx), or what went wrong (CR720 to CR746).
    """
    package, problems = look_at(publication)
    if problems:
        raise RecipeError(*problems)
    run, receipt_file = publication.run, publication.receipt_file
    if run is None or receipt_file is None:
        return send(package, publication.target)
    with only_process(run.lock):
        if not publication.is_of_recipe:
            receipt = send(package, publication.target)
            _save(receipt, receipt_file)
            return receipt
        made = read_record(run.stages / "package.json")
        stage = publish_stage(
            run, publication.plan, package=made.made if made else "", do=lambda: send(package, publication.target)
        )
        # The Hub is asked even where the run has done this, as somebody may have changed it there.
        return Receipt(**perform_again(stage).record.summary)


def publish_stage(run: RunFolder, plan: Plan, *, package: str, do: Callable[[], Receipt]) -> Stage:
    """Return the stage that publishes the package of a run, which `package` is the hash of."""

    def work() -> dict[str, Any]:
        receipt = do()
        _save(receipt, run.publish / "receipt.json")
        return asdict(receipt)

    return Stage(
        name="publish",
        folder=run.publish,
        state=run.stages / "publish.json",
        inputs={"package": package, "publish": plan.publish.model_dump()},
        work=work,
    )


def _save(receipt: Receipt, path: Path) -> None:
    try:
        receipt.save(path)
    except OSError as error:
        fail(
            "CR748",
            f"the model is published at {receipt.pull_request or receipt.where}, and its receipt cannot be written",
            place=Place(file=str(path)),
            found=(error.strerror or str(error)).lower(),
            expected="room for a small file",
            hint="make room and give the same command: nothing is sent again",
        )


def how_to_sample(publication: Publication, receipt: Receipt) -> str:
    """Return the command that takes a video from what was published."""
    if receipt.target == LOCAL:
        model = str(publication.target.root / receipt.repo / "latest")
    else:
        model = f"hf://{receipt.repo}@{receipt.tag or receipt.commit}"
    return command(publication.plan, model)


def _find(reference: str, runs: Path) -> tuple[RunFolder | None, Path]:
    """Return the run, where there is one, and the folder of the package."""
    if reference.startswith(HUB):
        fail(
            "CR752",
            f"`{reference}` is published already",
            expected="the name of a recipe that was run, the folder of a run, or that of a package",
            found="an address of the Hub",
            hint="fetch it with `hf download`, and publish the folder",
        )
    named = find(reference, weights=True) or find_model(reference, runs=runs)
    if named.published is None and named.plan_file.is_file():
        run = RunFolder(named.folder)
        return run, run.package
    run = RunFolder(named.folder.absolute().parent)
    is_of_run = named.folder.absolute() == run.package and run.stages.is_dir()
    return (run if is_of_run else None), named.folder


def _require_package(run: RunFolder, plan: Plan) -> None:
    """Refuse a run whose gate refused (CR8xx), and one that has not come as far as a package (CR747)."""
    from cosmos_recipes.run.results import require_gate

    if run.metrics.is_file():
        require_gate(plan, run)
    record = read_record(run.stages / "package.json")
    if record is None or record.state != "done" or not (run.package / MANIFEST).is_file():
        fail(
            "CR747",
            f"the run has no package yet: {run.path}",
            expected="a run that was evaluated and packaged",
            found="a run that was interrupted, or never came so far",
            hint=f"cosmos-recipe resume {run.path}",
        )
