"""What cannot be written with the shipped parts alone: checks against parts that plug-ins bring."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.check import check
from cosmos_recipes.compiler.resolve import resolve
from cosmos_recipes.conditioning.text import TextHead
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.load import LoadedRecipe

Load = Callable[..., LoadedRecipe]


def test_a_head_is_not_built_into_a_family_that_it_does_not_know(load: Load) -> None:
    class Captions(TextHead):
        families = ("autoregressive",)

    resolved = resolve(load())

    assert check(resolved) == ()
    assert [problem.code for problem in check(replace(resolved, head=Captions()))] == ["CR302"]


def test_a_head_is_not_built_on_columns_that_the_schema_does_not_promise(load: Load) -> None:
    resolved = resolve(load())
    columns = {"video": resolved.schema.columns["video"]}
    problems = check(replace(resolved, schema=resolved.schema.model_copy(update={"columns": columns})))

    assert [(problem.code, problem.found) for problem in problems] == [("CR303", "no caption")]
    assert problems[0].place is not None


def test_a_head_of_one_view_is_not_given_several(load: Load) -> None:
    """It would take the second view for what comes after the first."""
    problems = check(replace(resolve(load()), views=("front", "left")))

    assert [(problem.code, problem.found) for problem in problems] == [("CR306", "the views front, left")]
    assert problems[0].place is not None


def test_a_head_needs_its_numbers_bound_where_the_schema_leaves_them_open(load: Load) -> None:
    resolved = resolve(load())
    optional = resolved.schema.columns["caption"].model_copy(update={"kind": "tensor"})
    columns = {**resolved.schema.columns, "caption": optional}
    problems = check(replace(resolved, schema=resolved.schema.model_copy(update={"columns": columns})))

    assert [(problem.code, problem.found) for problem in problems] == [("CR307", "no caption")]


def test_a_trained_head_of_views_is_taken_for_the_same_views_alone(load: Load, tmp_path: Path) -> None:
    """Otherwise a run ends in an error of torch about shapes, or takes the left camera for the right one."""
    base = Weights(label="shipped:tiny-diffusion")
    shutil.copytree(base.folder, tmp_path / "model")
    config = tmp_path / "model" / "cosmos_recipe.json"
    trained = {"head": "views", "views": ["front", "left"], "attention": "full"}
    config.write_text(json.dumps({**json.loads(config.read_text()), **trained}), encoding="utf-8")
    source = "source: {kind: world, world: cell, episodes: 4, held_out: 2}"
    found = []
    for views in ("front: front, left: left", "left: left, front: front"):
        use = f"dataset.use={{schema: multi-view, {source}, views: {{{views}}}}}"
        overrides = ("dataset.schema=multi-view", use, "conditioning.head=views")
        loaded = load(*overrides, f"backbone={{use: tiny-diffusion, weights: {tmp_path / 'model'}}}")
        found.append([problem.code for problem in check(resolve(loaded))])

    assert found == [[], ["CR304"]]


def test_views_of_a_mixture_are_the_same_in_the_same_order(load: Load, tmp_path: Path) -> None:
    """Otherwise the model is told that a left camera is a front one in some of the clips."""
    head = "schema: multi-view\nlicence: cc0-1.0\n"
    for name, views in (("one", "front: front, left: left"), ("other", "left: left, front: front")):
        source = f"source: {{kind: world, world: cell, episodes: 4, held_out: 2, seed: {len(name)}}}\n"
        text = f"dataset: {name}\nsummary: A table.\n{head}{source}views: {{{views}}}\n"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    mixed = f"dataset: both\nsummary: Tables.\n{head}mix: {{./one.yaml: 1, ./other.yaml: 1}}\n"
    (tmp_path / "both.yaml").write_text(mixed, encoding="utf-8")
    with pytest.raises(RecipeError) as refused:
        resolve(load("dataset.schema=multi-view", f"dataset.use={tmp_path / 'both.yaml'}", "conditioning.head=views"))

    assert [(each.code, each.found) for each in refused.value.problems] == [("CR594", "left, front")]


@pytest.mark.parametrize(
    ("licence", "settings", "codes"),
    [
        ("cc-by-nd-4.0", ["publish.public=true"], ["CR750"]),
        ("cc-by-nc-4.0", ["publish.public=true"], []),
        ("cc-by-nd-4.0", [], []),
    ],
)
def test_a_public_model_needs_a_base_that_may_be_given_to_others(
    load: Load, licence: str, settings: list[str], codes: list[str]
) -> None:
    """No shipped backbone has such a licence."""
    resolved = resolve(load("publish.repo=ada/arm", *settings))
    backbone = resolved.backbone.model_copy(update={"licence": licence})
    problems = check(replace(resolved, backbone=backbone))
    assert [problem.code for problem in problems] == codes
    assert all(problem.place for problem in problems)
