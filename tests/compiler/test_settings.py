"""No setting is ignored: whatever key of the language is changed, the plan changes or the change is refused, located."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.load import LoadedRecipe
from cosmos_recipes.recipe.spec import Recipe

OTHER_TEXTS = {
    "recipe": "leg",
    "summary": "Predict a robot leg.",
    "backbone.use": "predict2.5-2b",
    "backbone.weights": "none",
    "dataset.schema": "pose",
    "dataset.use": "factory",
    "dataset.clip.rate": "10 Hz",
    "dataset.clip.size": "64x128",
    "conditioning.head": "none",
    "conditioning.sees": "{front: [left]}",
    "conditioning.enters": "time",
    "publish.repo": "owner/name",
    "hardware.gpu": "h100-80gb",
    # The other values are what is chosen for one process.
    "hardware.strategy": "fsdp2",
    "hardware.recompute": "full",
    "gate.psnr_over_copy": "1 dB",
    "gate.psnr_moving_over_copy": "2 dB",
    "gate.figures": "{motion_px: 2}",
}
"""Texts have no next value: each field that holds one needs an entry here."""
NUMBERS = {
    "dataset.clip.frames": 17,
    "conditioning.given_frames": 5,
    "conditioning.fewest_given_frames": 5,
    "train.global_batch": 16,
    "train.checkpoint_every": 7,
    "train.optimizer.head_lr": 0.5,
}
"""Another value that is legal, where the next one is not."""


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted path and the type of every field of the language that holds a value."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        blocks = [kind for kind in kinds(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for block in blocks:
            yield from settings(block, f"{path}.")
        if not blocks:
            yield path, field


def kinds(annotation: Any) -> Iterator[Any]:
    """Yield the alternatives of a type."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from kinds(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from kinds(part)
    else:
        yield annotation


def others(path: str, field: Any, now: Any) -> Iterator[str]:
    """Yield YAML of values that the field does not have now, smaller and larger."""
    if path in OTHER_TEXTS:
        yield OTHER_TEXTS[path]
        return
    for kind in kinds(field.annotation):
        if get_origin(kind) is Literal:
            yield from (str(choice) for choice in get_args(kind) if choice != now)
        elif kind is bool:
            yield str(not now).lower()
        elif kind is int:
            yield str(NUMBERS.get(path, (now or 1) + 1))
        elif kind is float:
            yield from (repr(value) for value in ((now or 0.5) / 2, (now or 0.5) * 2 + 1))


def value_at(recipe: Recipe, path: str) -> Any:
    """Return the value that a field has; None where it has none, or where another alternative was chosen."""
    value: Any = recipe
    for part in path.split("."):
        value = getattr(value, "schema_name" if part == "schema" else part, None)
    return value


FIELDS = dict(settings(Recipe))


@pytest.mark.parametrize("path", FIELDS)
def test_changing_a_setting_changes_the_plan_or_is_refused(path: str, load: Callable[..., LoadedRecipe]) -> None:
    values = list(others(path, FIELDS[path], value_at(load().recipe, path)))
    assert values, f"no other value is known for {path}"
    before = decided(compile_recipe(load()))
    for value in values:
        after, places = plan_or_places(load, f"{path}={value}")
        refused_here = f"--set {path}={value}" in [place.replace("'", "") for place in places]
        assert refused_here or (after and after != before), f"{path}={value} is ignored, or refused elsewhere: {places}"


def plan_or_places(load: Callable[..., LoadedRecipe], override: str) -> tuple[dict[str, Any], list[str]]:
    """Return what the plan says; or nothing, and where the problems are."""
    try:
        return decided(compile_recipe(load(override))), []
    except RecipeError as refused:
        return {}, [problem.place.file for problem in refused.problems if problem.place]


def decided(plan: Plan) -> dict[str, Any]:
    """Return what a plan says, without where it says it from."""
    return plan.model_dump(mode="json", exclude={"origins", "sources"})
