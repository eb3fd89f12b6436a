"""From a name or path to a typed recipe: parent, file, profile and command line merged, each value's origin kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.diagnostics.nearest import nearest
from cosmos_recipes.recipe.interpolation import resolve_interpolations
from cosmos_recipes.recipe.library import find
from cosmos_recipes.recipe.located import Key, Located, kind_of, parse_value, read_located
from cosmos_recipes.recipe.spec import Recipe
from cosmos_recipes.recipe.validation import validate

OriginKind = Literal["file", "parent", "profile", "command line"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; `key` is the place of its key."""

    kind: OriginKind
    place: Place
    key: Place
    profile: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedRecipe:
    """A valid recipe, the merged tree it was made from, and the origin of every given block and value."""

    recipe: Recipe
    path: Path
    profile: str | None
    profiles: tuple[str, ...]
    tree: dict[str, Any]
    origins: dict[str, Origin]
    files: tuple[Path, ...]

    def place_of(self, dotted: str) -> Place | None:
        """Return the place of the value at a dotted path, or of the nearest block around it."""
        return _place_of(self.origins, tuple(dotted.split(".")), False)

    def folder_of(self, dotted: str) -> Path:
        """Return the folder that a relative path written at `dotted` is relative to."""
        origin = self.origins.get(dotted)
        return Path() if origin is None or origin.kind == "command line" else Path(origin.place.file).parent


def load_recipe(ref: str | Path, *, profile: str | None = None, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """Read a recipe: parent, file, profile, then `key.path=value` overrides, the later winning.

    Raises:
        RecipeError: every mistake in the file, in all of its profiles and in the overrides.
    """
    chain = _chain(find("recipes", str(ref)))
    base = _Layers()
    profiles: dict[str, _Layers] = {}
    for index, (path, located) in enumerate(chain):
        kind: OriginKind = "file" if index == len(chain) - 1 else "parent"
        body = {key: value for key, value in located.tree.items() if key not in ("extends", "profiles")}
        base.add(body, located, (), kind=kind)
        for name, overlay in _profiles(located).items():
            profiles.setdefault(name, _Layers()).add(overlay, located, ("profiles", name), kind="profile", profile=name)
    if profile is not None and profile not in profiles:
        close = nearest(profile, profiles)
        fail("CR143", f"the recipe has no profile `{profile}`", place=Place(file=f"--profile {profile}"), expected=f"one of {', '.join(profiles)}" if profiles else "no profile", hint=f"did you mean `{close}`?" if close else "leave --profile out for the recipe as it is")
    problems: dict[tuple[Any, ...], Problem] = {}
    chosen = None
    for name in (None, *profiles):
        given = _overrides(overrides) if name == profile else []
        try:
            tree, origins = _merged([base, *([profiles[name]] if name else []), *given])
            loaded = validate(Recipe, tree, lambda key, of_key, origins=origins: _place_of(origins, key, of_key))
        except RecipeError as error:
            problems.update({(p.code, p.place, p.message): p for p in error.problems})
            continue
        if name == profile:
            chosen = loaded, tree, origins
    if problems or chosen is None:
        raise RecipeError(*sorted(problems.values(), key=_order))
    recipe, tree, origins = chosen
    return LoadedRecipe(
        recipe=recipe, path=chain[-1][0], profile=profile, profiles=tuple(profiles), tree=tree, origins=origins, files=tuple(path for path, _ in chain)
    )


class _Layers:
    """Trees to merge, in order, and where their nodes stand."""

    def __init__(self) -> None:
        self.trees: list[Mapping[str, Any]] = []
        self.origins: list[dict[str, Origin]] = []

    def add(self, tree: Mapping[str, Any], located: Located, prefix: Key, *, kind: OriginKind, profile: str | None = None) -> None:
        """Add a part of a file, found under `prefix` there."""
        self.trees.append(tree)
        self.origins.append({
            ".".join(path[len(prefix) :]): Origin(kind, place, located.keys.get(path, place), profile)
            for path, place in located.values.items()
            if path[: len(prefix)] == prefix and len(path) > len(prefix) and (prefix or path[0] not in ("extends", "profiles"))
        })


def _merged(layers: Sequence[_Layers]) -> tuple[dict[str, Any], dict[str, Origin]]:
    """Merge by OmegaConf: mappings deeply, anything else is replaced. Origins follow the values that win."""
    from omegaconf import OmegaConf

    trees = [tree for layer in layers for tree in layer.trees]
    origins: dict[str, Origin] = {}
    for layer in layers:
        for tree, own in zip(layer.trees, layer.origins, strict=True):
            for path in own:
                if not isinstance(_at(tree, path), Mapping):
                    origins = {known: origin for known, origin in origins.items() if not known.startswith(f"{path}.")}
            origins.update(own)
    merged = OmegaConf.merge(*(OmegaConf.create(dict(tree)) for tree in trees))
    return resolve_interpolations(merged, lambda dotted: _place_of(origins, tuple(dotted.split(".")), False)), origins


def _at(tree: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def _place_of(origins: Mapping[str, Origin], key: Key, of_key: bool) -> Place | None:
    for length in range(len(key), 0, -1):
        origin = origins.get(".".join(key[:length]))
        if origin is not None:
            return origin.key if of_key or length < len(key) else origin.place
    first = next(iter(origins.values()), None)
    return Place(file=first.place.file, line=1, column=1) if first else None


def _chain(path: Path) -> list[tuple[Path, Located]]:
    """Return the recipe and its parents, the oldest first."""
    chain: list[tuple[Path, Located]] = []
    while True:
        located = read_located(path)
        chain.insert(0, (path, located))
        parent = located.tree.get("extends")
        if parent is None:
            return chain
        place = located.values["extends",]
        if not isinstance(parent, str):
            fail("CR132", "this is the wrong kind of value for `extends`", place=place, expected="the path or name of a recipe", found=kind_of(parent))
        path = find("recipes", parent, relative_to=path.parent, place=place)
        seen = [known.resolve() for known, _ in chain]
        if path.resolve() in seen:
            names = " → ".join(str(known) for known, _ in reversed(chain))
            fail("CR140", "recipes extend each other in a circle", place=place, expected="a parent that does not come back here", found=f"{names} → {path}", hint="remove one `extends`")


def _profiles(located: Located) -> dict[str, Mapping[str, Any]]:
    profiles = located.tree.get("profiles", {})
    for path, value in ((("profiles",), profiles), *((("profiles", name), value) for name, value in dict(profiles if isinstance(profiles, Mapping) else {}).items())):
        if not isinstance(value, Mapping):
            fail("CR132", f"this is the wrong kind of value for `{'.'.join(path)}`", place=located.values[path], expected="a mapping", found=kind_of(value), hint="write `profiles: {NAME: {key: value}}`")
    return dict(profiles)


def _overrides(arguments: Sequence[str]) -> list[_Layers]:
    layers = []
    for argument in arguments:
        file = f"--set {argument}"
        key, sign, text = argument.partition("=")
        place = Place(file=file, length=len(file))
        if not sign or not all(key.split(".")):
            fail("CR145", "an override has the form key.path=value", place=place, expected="such as --set train.steps=100", found=argument)
        value: Any = parse_value(text, file=file)
        layer = _Layers()
        parts = key.split(".")
        origin = Origin("command line", place, place)
        layer.origins.append({".".join(path): origin for path in _paths(tuple(parts), value)})
        for part in reversed(parts):
            value = {part: value}
        layer.trees.append(value)
        layers.append(layer)
    return layers


def _paths(prefix: Key, value: Any) -> list[Key]:
    below = [path for key, child in value.items() for path in _paths((*prefix, key), child)] if isinstance(value, Mapping) else []
    return [prefix, *below]


def _order(problem: Problem) -> tuple[Any, ...]:
    place = problem.place or Place(file="")
    return place.file, place.line, place.column, problem.code
