"""Any typed file of ours gets the same located problems, whatever its model looks like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.recipe.located import parse_located, validate
from cosmos_recipes.recipe.validation import validate_located


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Ball(Closed):
    shape: Literal["ball"]
    radius: float = Field(gt=0)


class Box(Closed):
    shape: Literal["box"]
    edges: tuple[float, float]


class Scene(Closed):
    """Several kinds of fields, as plug-ins may have."""

    thing: Annotated[Ball | Box, Field(discriminator="shape")] = Ball(shape="ball", radius=1)
    names: dict[Annotated[str, Field(pattern="^[a-z]+$")], int] = Field(default_factory=dict)
    steps: list[int] = Field(default_factory=list, max_length=2)
    size: int | Literal["auto"] | None = None
    either: Ball | list[int] | None = None
    low: int = 0
    high: int = 1

    @model_validator(mode="after")
    def _ordered(self) -> Scene:
        if self.low > self.high:
            raise ValueError("low at most high")
        return self


def problems(text: str) -> list[Problem]:
    with pytest.raises(RecipeError) as raised:
        validate(Scene, parse_located(text, file="x.yaml"))
    return list(raised.value.problems)


@pytest.mark.parametrize(
    ("text", "code", "path", "line", "expected"),
    [
        (
            "thing: {shape: bal}",
            "CR135",
            "thing",
            1,
            "a mapping with shape and radius or a mapping with shape and edges",
        ),
        (
            "thing: {radius: 1}",
            "CR135",
            "thing",
            1,
            "a mapping with shape and radius or a mapping with shape and edges",
        ),
        ("thing: {shape: ball, radius: -1}", "CR134", "thing.radius", 1, "a number of more than 0"),
        ("thing:\n  shape: box\n  edges: [1, x]", "CR132", "thing.edges.1", 3, "a number"),
        ("names: {Bad: 1}", "CR136", "names.Bad", 1, ""),
        ("names: {good: x}", "CR132", "names.good", 1, "a whole number"),
        ("steps: [1, 2, 3]", "CR137", "steps", 1, "a list"),
        ("steps:\n  - 1\n  - two", "CR132", "steps.1", 3, "a whole number"),
        ("size: atuo", "CR135", "size", 1, "a whole number or auto"),
        ("size: [1]", "CR132", "size", 1, "a whole number or auto"),
        ("either: {shape: ball, radius: x}", "CR132", "either.radius", 1, "a number of more than 0"),
        ("either: [1, x]", "CR132", "either.1", 1, "a whole number"),
        ("either: text", "CR132", "either", 1, "a mapping with shape and radius or a list"),
    ],
)
def test_one_mistake_is_one_problem_at_its_place(text: str, code: str, path: str, line: int, expected: str) -> None:
    [problem] = problems(text)
    assert problem.code == code
    assert f"`{path}`" in problem.message
    assert problem.place is not None
    assert problem.place.line == line
    assert problem.expected == expected or not expected


def test_a_rule_between_keys_is_told_at_the_block() -> None:
    [problem] = problems("low: 3\nhigh: 2\n")
    assert (problem.code, problem.message, problem.expected) == ("CR138", "the file is refused", "low at most high")
    assert problem.place is not None


def test_a_nearest_choice_is_offered_in_a_union() -> None:
    [problem] = problems("size: atuo")
    assert problem.hint == "did you mean `auto`?"


def test_a_block_inside_a_file_is_checked_with_the_places_of_the_file() -> None:
    located = parse_located("a: 1\nscene:\n  thing: {shape: ball, radius: 0}\n", file="x.yaml")
    with pytest.raises(RecipeError) as raised:
        validate_located(Scene, located, path=("scene",))
    [problem] = raised.value.problems
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (3, 32)
    with pytest.raises(RecipeError) as raised:
        validate(Scene, located.below("scene"))
    assert raised.value.problems == (problem,)


def test_a_plain_tree_needs_no_places() -> None:
    with pytest.raises(RecipeError) as raised:
        validate(Scene, {"low": "x", "hihg": 1})
    assert {problem.place for problem in raised.value.problems} == {None}
    assert len(raised.value.problems) == 2


def test_what_is_valid_comes_back_typed() -> None:
    tree: dict[str, Any] = {"thing": {"shape": "box", "edges": [1.0, 2.0]}, "size": "auto"}
    scene = validate(Scene, tree)
    assert isinstance(scene.thing, Box)
