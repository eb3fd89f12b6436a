"""A recipe and those that it extends, each read and placed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from cosmos_recipes.diagnostics import Place, RecipeError, fail
from cosmos_recipes.diagnostics.words import kind_of
from cosmos_recipes.recipe.library import find
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.merge import Layer, overlay
from cosmos_recipes.recipe.paths import folder_of
from cosmos_recipes.recipe.places import Located
from cosmos_recipes.recipe.referred import read_referred
from cosmos_recipes.recipe.spec import RecipeFile

MOST_FILES = 8
_NOT_FOUND = dict.fromkeys(("CR100", "CR200", "CR201"), "CR142")


@dataclass(frozen=True, slots=True)
class Family:
    """The files of a recipe, itself first, and all of them as one layer."""

    files: tuple[Path, ...]
    layer: Layer


def read_family(ref: str | Path) -> Family:
    """Read a recipe and its parents; the nearer wins.

    Raises:
        RecipeError: a file is missing or malformed, or the parents go in a circle or are too many.
    """
    path = find("recipes", ref)
    located = read_located(path)
    _require_recipe(path, located)
    chain = [(path, located)]
    while (parent := _parent(path, located)) is not None:
        place = located.values["extends",]
        seen = [known.resolve() for known, _ in chain]
        if parent.resolve() in seen:
            circle = " -> ".join(str(known) for known in (*(known for known, _ in chain), parent))
            fail(
                "CR140",
                "`extends` goes in a circle",
                place=place,
                expected="a parent that does not extend this recipe",
                found=circle,
                hint="remove one `extends`",
            )
        if len(chain) == MOST_FILES:
            fail(
                "CR141",
                "the recipe has too many parents",
                place=place,
                expected=f"a chain of at most {MOST_FILES} files",
                hint="let the recipe extend one of the last parents directly",
            )
        path, located = parent, _read(parent, path, place)
        chain.append((path, located))
    return Family(tuple(path for path, _ in chain), _joined([located for _, located in chain]))


def _require_recipe(path: Path, located: Located) -> None:
    """Tell a data set file from a recipe, rather than name everything that it lacks."""
    if "recipe" not in located.tree and isinstance(located.tree.get("dataset"), str):
        fail(
            "CR200",
            f"{path.name} is a data set, not a recipe",
            place=located.keys.get(("dataset",)),
            expected="a recipe: a name, or a file with `recipe: NAME`",
            hint=f"`cosmos-recipe new recipe NAME --dataset {quote(str(path))}` writes one that uses it",
        )


def _read(path: Path, child: Path, place: Place) -> Located:
    """Read a parent; if it is no file that can be read, that is told where it is named."""
    try:
        return read_referred(path, "recipe", keys=RecipeFile.model_fields, folder=child.parent, place=place)
    except RecipeError as error:
        problems = (
            problem
            if problem.place and problem.place.line
            else replace(problem, message=f"the parent `{path}`: {problem.message}", place=place)
            for problem in error.problems
        )
        raise RecipeError(*problems) from None


def _joined(chain: list[Located]) -> Layer:
    own, *parents = chain
    layer = Layer({}, {})
    for located in reversed(parents):
        layer = overlay(layer, Layer.of(located, "parent"))
    return overlay(layer.without("extends"), Layer.of(own, "file"))


def _parent(path: Path, located: Located) -> Path | None:
    name = located.tree.get("extends")
    if name is None:
        return None
    place = located.values["extends",]
    if not isinstance(name, str):
        fail(
            "CR132",
            "`extends` is of the wrong type",
            place=place,
            expected="the path or the name of a recipe",
            found=kind_of(name),
        )
    try:
        return find("recipes", name, relative_to=folder_of(path), place=place)
    except RecipeError as error:
        raise RecipeError(
            *(replace(each, code=_NOT_FOUND.get(each.code, each.code)) for each in error.problems)
        ) from None
