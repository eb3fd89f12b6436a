"""Pydantic's errors as located problems: one per mistake, in words that say what was expected and what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cosmos_recipes.diagnostics import Place, Problem, RecipeError
from cosmos_recipes.recipe.places import Key, Located, PlaceOf, child_of, value_at
from cosmos_recipes.recipe.shape import Shape

Model = TypeVar("Model", bound=BaseModel)
MOST_MISTAKES = 500
"""More than these of one file are no mistakes of a person, and each is compared with all keys that there are."""
FROM_YAML = {"from_yaml": True}
"""The context of validation that tells a model that its values were written in YAML."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One of pydantic's errors, at the path in the tree that it is about."""

    path: Key
    kind: str
    context: Mapping[str, Any]
    text: str
    of_key: bool = False
    union: Key | None = None
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A problem, and the path that it is about."""

    path: Key
    problem: Problem


def validate(model: type[Model], tree: Any, places: PlaceOf | Located | None = None) -> Model:
    """Return `tree` (plain, or located) as a `model`.

    Raises:
        RecipeError: every mistake, each at its place.
    """
    if isinstance(tree, Located):
        tree, places = tree.tree, tree
    place_of = places.place_of if isinstance(places, Located) else places or _nowhere
    try:
        return model.model_validate(tree, context=FROM_YAML)
    except ValidationError as error:
        found = problems_of(error, model, tree, place_of)
    raise RecipeError(*(each.problem for each in found))


def validate_located(
    model: type[Model], located: Located, *, path: Key = (), extra: Mapping[str, Any] | None = None
) -> Model:
    """Return the block at `path` of a file as a `model`, with `extra` keys added.

    Raises:
        RecipeError: every mistake, each at its place.
    """
    block = value_at(located.tree, path)
    tree = {**block, **(extra or {})} if isinstance(block, Mapping) else block
    return validate(model, tree, lambda key, of_key: located.place_of((*path, *key), of_key))


def problems_of(error: ValidationError, model: type[BaseModel], tree: Any, place_of: PlaceOf) -> list[Found]:
    """Return one problem for each mistake that pydantic reports; the alternatives of a union are told as one."""
    from cosmos_recipes.recipe.complaints import complain

    shape = Shape.of(model)
    mistakes = [_mistake(detail, tree, shape) for detail in error.errors(include_url=False)[:MOST_MISTAKES]]
    chosen = [mistake for group in _by_union(mistakes) for mistake in _meant(group)]
    return complain(chosen, tree, shape, place_of)


def _nowhere(key: Key, of_key: bool) -> Place | None:
    return None


def _mistake(detail: Any, tree: Any, shape: Shape) -> Mistake:
    """Take from pydantic's location the parts that are in the tree: it also names alternatives of unions, and keys."""
    loc: Sequence[int | str] = detail["loc"]
    path: list[str] = []
    union: Key | None = None
    branch, labelled, node = "", False, tree
    for index, part in enumerate(map(str, loc)):
        if shape.is_union and not labelled:
            labelled = True
            if union is None:
                union, branch = tuple(path), part
            continue
        is_new = index == len(loc) - 1 and detail["type"] in ("missing", "extra_forbidden")
        below = child_of(node, part)
        if below is None and not is_new and not (isinstance(node, Mapping) and part in node):
            continue
        path.append(part)
        node, shape, labelled = below, shape.child(part), False
    of_key = bool(loc) and loc[-1] == "[key]"
    return Mistake(tuple(path), detail["type"], detail.get("ctx", {}), detail["msg"], of_key, union, branch)


def _by_union(mistakes: Iterable[Mistake]) -> Iterable[list[Mistake]]:
    """Group the mistakes of one union; any other stands alone."""
    groups: dict[Any, list[Mistake]] = defaultdict(list)
    for number, mistake in enumerate(mistakes):
        groups[number if mistake.union is None else mistake.union].append(mistake)
    return groups.values()


def _meant(group: list[Mistake]) -> list[Mistake]:
    """Of a union keep the alternative that the value's form points to; if there is none, one mistake for all of them."""
    union = group[0].union
    if union is None:
        return group
    branches: dict[str, list[Mistake]] = defaultdict(list)
    for mistake in group:
        branches[mistake.branch].append(mistake)
    fitting = [branch for branch in branches.values() if any(len(mistake.path) > len(union) for mistake in branch)]
    if fitting:
        return _one_each(min(fitting, key=len))
    unfit = [mistake for mistake in group if not mistake.kind.endswith(("_type", "_parsing", "literal_error", "enum"))]
    return unfit if len(unfit) == 1 else [Mistake(union, "union", {}, "")]


def _one_each(mistakes: list[Mistake]) -> list[Mistake]:
    """Tell the alternatives of a union within an alternative as one."""
    by_path: dict[Key, list[Mistake]] = defaultdict(list)
    for mistake in mistakes:
        by_path[mistake.path].append(mistake)
    return [own[0] if len(own) == 1 else Mistake(path, "union", {}, "") for path, own in by_path.items()]
