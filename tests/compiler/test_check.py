"""What cannot be written with the shipped parts alone: checks against parts that plug-ins bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cosmos_recipes.compiler.check import check
from cosmos_recipes.compiler.resolve import resolve
from cosmos_recipes.recipe.load import LoadedRecipe

Load = Callable[..., LoadedRecipe]


def test_a_head_is_not_built_into_a_family_that_it_does_not_know(load: Load) -> None:
    resolved = resolve(load())
    other = resolved.backbone.model_copy(update={"family": "autoregressive"})

    assert check(resolved) == ()
    assert [problem.code for problem in check(replace(resolved, backbone=other))] == ["CR302"]


def test_a_head_is_not_built_on_columns_that_the_schema_does_not_promise(load: Load) -> None:
    resolved = resolve(load())
    columns = {"video": resolved.schema.columns["video"]}
    problems = check(replace(resolved, schema=resolved.schema.model_copy(update={"columns": columns})))

    assert [(problem.code, problem.found) for problem in problems] == [("CR303", "no caption")]
    assert problems[0].place is not None
