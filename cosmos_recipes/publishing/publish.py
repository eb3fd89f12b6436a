"""Publish a package to where its plan says, and find out beforehand whether that can work."""

from __future__ import annotations

from pathlib import Path

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.publishing.package import verify_package
from cosmos_recipes.publishing.receipt import Receipt


def publish(package: Path, plan: Plan, *, root: Path) -> Receipt:
    """Publish the package in the folder `package`; publishing the same again sends and writes nothing.

    Args:
        package: what `write_package` made.
        plan: says where to.
        root: the folder of locally published models; unused for a repository on the Hub.

    Raises:
        RecipeError: the package is not whole or not fit to be published (CR701 to CR711), the folder cannot be written
            (CR720), or the Hub did not take it (CR730 to CR742).
    """
    from cosmos_recipes.publishing.hub import publish_to_hub
    from cosmos_recipes.publishing.local import publish_local

    checked = verify_package(package)
    if plan.publish.repo == "local":
        return publish_local(checked, root, name=local_name(plan))
    return publish_to_hub(checked, plan.publish.repo, public=plan.publish.public)


def preflight(plan: Plan) -> None:
    """Find out before training whether the plan's repository can be published to; a local folder always can.

    The repository is made if there is none, so that its name is ours when training is done.

    Raises:
        RecipeError: there is no usable token, the name is another's, or the base model may not be read (CR730 to CR742).
    """
    from cosmos_recipes.publishing import hub

    if plan.publish.repo != "local":
        hub.preflight(plan.publish.repo, public=plan.publish.public, base=plan.backbone.hub_id)


def local_name(plan: Plan) -> str:
    """Return the name of the plan's model among the local ones: the recipe, and the profile if there is one."""
    return f"{plan.recipe}-{plan.profile}" if plan.profile else plan.recipe
