"""Publish a package to where its plan or a person says, and find out beforehand whether that can work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cosmos_recipes.compiler.licences import origins_of, sharing_problem
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.repository import repository_problem
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.publishing.package import Package, verify_package
from cosmos_recipes.publishing.receipt import Receipt, Verified

LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a package goes: `repo` is `local`, a folder `name` below `root`, or owner/name on the Hub.

    With `create_pr` it is proposed there as a pull request; with `verify` "download" it is read back.
    """

    repo: str
    public: bool
    root: Path
    name: str
    create_pr: bool = False
    verify: Verified = "hashes"

    @classmethod
    def of(cls, plan: Plan, root: Path) -> Target:
        """Return where the plan says; `root` is the folder of locally published models."""
        return cls(repo=plan.publish.repo, public=plan.publish.public, root=root, name=local_name(plan))

    def problems(self, plan: Plan) -> tuple[Problem, ...]:
        """Return what forbids to publish what the plan makes there, known without asking anybody."""
        found = (
            repository_problem(self.repo, public=self.public),
            sharing_problem(origins_of(plan), public=self.public),
        )
        return tuple(problem for problem in found if problem)


def publish(package: Path, target: Target) -> Receipt:
    """Publish the package in the folder `package`; publishing the same again sends and writes nothing.

    Args:
        package: what `write_package` made.
        target: where to.

    Raises:
        RecipeError: the package is not whole or not fit to be published (CR701 to CR711), the folder cannot be written
            (CR720), or the Hub did not take it (CR730 to CR746).
    """
    return send(verify_package(package), target)


def send(package: Package, target: Target) -> Receipt:
    """Publish a package that was read and found fit; see `publish`."""
    from cosmos_recipes.publishing.hub import publish_to_hub
    from cosmos_recipes.publishing.hub_pull import propose_to_hub
    from cosmos_recipes.publishing.local import publish_local

    if target.repo == LOCAL:
        return publish_local(package, target.root, name=target.name, verify=target.verify)
    to_hub = propose_to_hub if target.create_pr else publish_to_hub
    return to_hub(package, target.repo, public=target.public, verify=target.verify)


def preflight(plan: Plan) -> None:
    """Find out before training whether the plan's repository can be published to; a local folder always can.

    The repository is made if there is none, so that its name is ours when training is done.

    Raises:
        RecipeError: there is no usable token, the name is another's, or the base model may not be read (CR730 to CR742),
            or its licence forbids what is planned (CR750).
    """
    from cosmos_recipes.publishing import hub

    if problems := Target.of(plan, Path()).problems(plan):
        raise RecipeError(*problems)
    if plan.publish.repo != LOCAL:
        hub.preflight(plan.publish.repo, public=plan.publish.public, base=plan.backbone.hub_id)


def local_name(plan: Plan) -> str:
    """Return the name of the plan's model among the local ones: the recipe, and the profile if there is one."""
    return f"{plan.recipe}-{plan.profile}" if plan.profile else plan.recipe
