"""Whether a plan needs files of this machine, which a machine elsewhere would look for in vain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import Problem, RecipeError


def require_data_elsewhere(plan: Plan, kind: str, root: str) -> None:
    """Refuse a plan that names files here which are not below `root`, for a cluster that does not share this disk.

    Raises:
        RecipeError: each path (CR233).
    """
    problems = [
        Problem(
            code="CR233",
            message=f"the {what} lies on this machine, and the machines of {kind} do not see it",
            expected=f"a data set of the Hub, or a path in {root}, which the job sees",
            found=path,
            hint="upload it to the Hub as a data set, or copy it to that storage and name it there",
        )
        for what, path in _paths(plan)
        if Path(path).exists() and not Path(path).is_relative_to(root)
    ]
    if problems:
        raise RecipeError(*problems)


def _paths(plan: Plan) -> Iterator[tuple[str, str]]:
    for own in plan.data.sets:
        yield from ((f"data set {own.name}", path) for path in _absolute(own.source))
    weights = plan.backbone.weights
    if weights and Path(weights).is_absolute():
        yield "model to start from", weights


def _absolute(value: Any) -> Iterator[str]:
    if isinstance(value, str) and Path(value).is_absolute():
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _absolute(each)
