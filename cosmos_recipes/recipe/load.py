"""From a name or path to a typed recipe: parents, file, profile and command line merged, each value's origin kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any

from pydantic import BaseModel, ValidationError

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.recipe.interpolation import interpolate
from cosmos_recipes.recipe.located import parse_value
from cosmos_recipes.recipe.merge import Layer, Origin, overlay
from cosmos_recipes.recipe.parents import read_family
from cosmos_recipes.recipe.paths import folder_of
from cosmos_recipes.recipe.places import Key, Located
from cosmos_recipes.recipe.spec import MOST_PROFILES, Recipe, RecipeFile
from cosmos_recipes.recipe.validation import FROM_YAML, Found, problems_of

__all__ = ["LoadedRecipe", "Origin", "load_recipe"]

NOT_SETTINGS = ("extends", "profiles")


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedRecipe:
    """A valid recipe, the merged tree it was made from, and the origin of every block and value given.

    `origins` has the dotted path of each; values that were not given have their defaults. `files` are the YAML files
    read, the recipe first, then its parents.
    """

    recipe: Recipe
    path: Path
    profile: str | None
    profiles: tuple[str, ...]
    tree: dict[str, Any]
    origins: dict[str, Origin]
    files: tuple[Path, ...]

    def place_of(self, dotted: str) -> Place | None:
        """Return the place of the value at a dotted path, or of the nearest block around it."""
        while dotted and dotted not in self.origins:
            dotted = dotted.rpartition(".")[0]
        return self.origins[dotted].place if dotted else None

    def folder_of(self, dotted: str) -> Path:
        """Return the folder that a relative path written at `dotted` is relative to."""
        origin = self.origins.get(dotted)
        return Path() if origin is None or origin.kind == "command line" else folder_of(Path(origin.place.file))

    def folders_of(self, dotted: str) -> Callable[[Key], Path]:
        """Return what says the folder of a key below a block, which a parent or the command line may have given."""

        def folder(below: Key) -> Path:
            paths = (".".join((dotted, *below[:length])) for length in range(len(below), -1, -1))
            return self.folder_of(next((path for path in paths if path in self.origins), dotted))

        return folder

    def located(self, dotted: str) -> Located:
        """Return the block at a dotted path with the places of what is in it, such as a data set written inline."""
        given = {tuple(path.split(".")): origin for path, origin in self.origins.items()}
        keys = {path: origin.key for path, origin in given.items()}
        whole = Located(self.tree, keys, {path: origin.place for path, origin in given.items()})
        return whole.below(*dotted.split("."))


def load_recipe(ref: str | Path, *, profile: str | None = None, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """Read a recipe: parents, file, profile, then `key.path=value` overrides, the later winning.

    Raises:
        RecipeError: every mistake in the file, in its parents, in all of its profiles and in the overrides.
    """
    family = read_family(ref)
    problems: list[Problem] = []
    base, named = _profiles(family.layer, problems)
    merged = base
    if profile is not None and profile not in named:
        problems.append(_unknown_profile(profile, named))
    elif profile is not None:
        merged = overlay(merged, named[profile])
    for argument in _arguments(overrides, problems):
        merged = overlay(merged, argument)
    checked = _check(merged)
    problems += (found.problem for found in checked.found)
    problems += _in_other_profiles(base, {name: layer for name, layer in named.items() if name != profile})
    if problems or checked.recipe is None:
        files = [str(path) for path in family.files]
        raise RecipeError(*sorted(dict.fromkeys(problems), key=lambda problem: _order(problem, files)))
    return LoadedRecipe(
        recipe=checked.recipe,
        path=family.files[0],
        profile=profile,
        profiles=tuple(named),
        tree=checked.tree,
        origins={".".join(path): origin for path, origin in merged.without(*NOT_SETTINGS).origins.items()},
        files=family.files,
    )


def read_overrides(overrides: Sequence[str]) -> Layer:
    """Return `key.path=value` overrides as one layer, the later winning, without looking what they are for.

    Raises:
        RecipeError: every one that is malformed (CR145, CR146).
    """
    problems: list[Problem] = []
    layer = Layer({}, {})
    for argument in _arguments(overrides, problems):
        layer = overlay(layer, argument)
    if problems:
        raise RecipeError(*problems)
    return layer


@dataclass(frozen=True, slots=True)
class _Checked:
    """A merged tree after interpolation, and the recipe if nothing was found wrong."""

    tree: dict[str, Any]
    found: list[Found]
    recipe: Recipe | None


def _check(layer: Layer) -> _Checked:
    """Fill in and validate a merged layer. The keys that are no settings are checked with the others, but not kept."""
    filled = interpolate(layer.without(*NOT_SETTINGS).tree, layer.place_of)
    whole = filled.tree | {key: layer.tree[key] for key in NOT_SETTINGS if key in layer.tree}
    wrong = [
        each
        for each in _wrong(RecipeFile, whole, layer)
        if not any(each.path[: len(path)] == path for path in filled.unset)
    ]
    found = [*filled.problems, *wrong]
    return _Checked(filled.tree, found, None if found else Recipe.model_validate(filled.tree, context=FROM_YAML))


def _wrong(model: type[BaseModel], tree: Mapping[str, Any], layer: Layer) -> list[Found]:
    try:
        model.model_validate(tree, context=FROM_YAML)
    except ValidationError as error:
        return problems_of(error, model, tree, layer.place_of)
    return []


def _profiles(layer: Layer, problems: list[Problem]) -> tuple[Layer, dict[str, Layer]]:
    """Return the recipe, and its overlays without what no overlay can hold; malformed ones are told by the model."""
    given = layer.tree.get("profiles")
    overlays = given if isinstance(given, Mapping) else {}
    # Of more, which the model refuses, each would be merged and checked.
    first = islice(overlays.items(), MOST_PROFILES)
    named = {name: layer.profile(name) for name, value in first if isinstance(value, Mapping)}
    for name, own in named.items():
        for key in filter(own.tree.__contains__, NOT_SETTINGS):
            place, hint = own.place_of((key,), True), f"move `{key}` to the top level of the file"
            message = f"the profile `{name}` cannot hold `{key}`"
            problems.append(
                Problem(code="CR144", message=message, place=place, expected="settings of the recipe", hint=hint)
            )
    return layer, {name: own.without(*NOT_SETTINGS) for name, own in named.items()}


def _in_other_profiles(base: Layer, others: Mapping[str, Layer]) -> Iterable[Problem]:
    """Yield what is wrong in profiles that were not chosen, and is not wrong without them."""
    if not others:
        return
    known = {found.problem for found in _check(base).found}
    for layer in others.values():
        yield from (found.problem for found in _check(overlay(base, layer)).found if found.problem not in known)


def _unknown_profile(name: str, known: Iterable[str]) -> Problem:
    names = list(known)
    close = nearest(name, names)
    expected = listed(names) if names else "no profile: this recipe has none"
    hint = f"did you mean `{close}`?" if close else "leave --profile out for the recipe as it is"
    place = Place(file=f"--profile {name}")
    return Problem(
        code="CR143",
        message=f"the recipe has no profile `{name}`",
        place=place,
        expected=expected,
        found=name,
        hint=hint,
    )


def _arguments(overrides: Sequence[str], problems: list[Problem]) -> Iterable[Layer]:
    """Yield each well-formed override as a layer; the others are problems."""
    for text in overrides:
        try:
            yield _argument(text)
        except RecipeError as error:
            problems += error.problems


def _argument(text: str) -> Layer:
    argument = f"--set {quote(text)}"
    place = Place(file=argument, length=len(argument))
    dotted, sign, written = text.partition("=")
    path = tuple(dotted.strip().split("."))
    problem = None
    if not sign or not all(path) or any(" " in part for part in path):
        problem = Problem(
            code="CR145",
            message="--set takes a path and a value",
            place=place,
            expected="key.path=value, such as train.steps=100",
            found=text,
            hint="quote the whole of it in the shell if the value has blanks",
        )
    elif not written.strip():
        problem = Problem(
            code="CR145",
            message=f"--set gives `{dotted}` no value",
            place=place,
            expected="a value after the =",
            found=text,
            hint=f"write {dotted}=null to take a value away, {dotted}='\"\"' for an empty text",
        )
    elif path[0] in NOT_SETTINGS:
        problem = Problem(
            code="CR146",
            message=f"--set cannot reach `{path[0]}`",
            place=place,
            expected="the path of a setting, such as train.steps",
            found=dotted,
            hint="choose a profile with --profile, or set the value itself",
        )
    if problem is not None:
        raise RecipeError(problem)
    return Layer.of_argument(path, parse_value(written, argument=argument), place)


def _order(problem: Problem, files: Sequence[str]) -> tuple[Any, ...]:
    """Sort by file, the recipe first and arguments last, then by line and column."""
    place = problem.place or Place(file="")
    return files.index(place.file) if place.file in files else len(files), place.line, place.column
