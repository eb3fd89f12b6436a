"""In what two recipes, plans, runs or packages differ: value by value, with where each came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.compiler.compile import compile_recipe, read_plan
from cosmos_recipes.compiler.emit import resolved_recipe
from cosmos_recipes.compiler.lock import lock
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.provenance import said_at
from cosmos_recipes.evaluation.measured import read_metrics
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.run.opening import read_lock
from cosmos_recipes.run.references import LOCK, RECIPE, Named, find

GROUPS = ("recipe", "plan", "environment", "data", "results")
ABSENT = "(absent)"
_FOUND, _CONTENT = ("lock.data.sha256", "lock.data.recordings"), "lock.data.sha256"
_ENVIRONMENT = ("code", "python", "packages", "schema")
_NOT_COMPARED = {"origins", "sources", "version"}
_OF_TIME = "train_seconds"
"""The one figure that is another one each time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A value and where it came from; nothing is known of the origin of what was measured."""

    value: Any
    origin: str = ""


Values = Mapping[str, Value]
ABSENT_VALUE = Value(value=ABSENT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A dotted path in one of `GROUPS` whose value is another one on the two sides."""

    group: str
    path: str
    left: Value
    right: Value


@dataclass(frozen=True, kw_only=True)
class Side:
    """What is compared: its name, pinned where that can be, and the values of each group."""

    name: str
    groups: Mapping[str, Values]


def open_side(reference: str, *, profile: str | None = None) -> Side:
    """Return a recipe, a plan, a run, a package or what is published, as values; no weights are read.

    Raises:
        RecipeError: there is no such thing (CR2xx), or it is wrong (CR1xx to CR5xx).
    """
    named = find(reference, weights=False)
    if named is not None and named.plan_file.is_file():
        return _side_of_run(named)
    loaded = load_recipe(reference, profile=profile)
    plan = compile_recipe(loaded)
    recipe = _flat(resolved_recipe(loaded, plan), lambda path: _said_at(loaded, path))
    return Side(name=reference, groups=_groups(recipe, plan, lock(plan), {}))


def differences(left: Side, right: Side) -> Iterator[Difference]:
    """Yield what differs, group by group, in the order of the left side.

    What was measured, and what was found in the data, counts only where both sides have run.
    """
    for group in GROUPS:
        ours, theirs = left.groups[group], right.groups[group]
        for path in dict.fromkeys((*_outer(ours, theirs), *_outer(theirs, ours))):
            one, other = _at(ours, path), _at(theirs, path)
            if one.value != other.value and not (
                ABSENT in (one.value, other.value) and _only_run(group, path, left, right)
            ):
                yield Difference(group=group, path=path, left=one, right=other)


def _outer(ours: Values, theirs: Values) -> Iterator[str]:
    """Yield the paths of one side; of a block that is one value on the other side, the path of that."""
    for path in ours:
        around = (path[:end] for end, sign in enumerate(path) if sign == ".")
        yield next((block for block in around if block in theirs), path)


def _at(values: Values, path: str) -> Value:
    """Return the value at a path, the block that is there, or that nothing is."""
    if path in values:
        return values[path]
    below = {each.removeprefix(f"{path}."): value for each, value in values.items() if each.startswith(f"{path}.")}
    origin = next((value.origin for value in below.values()), "")
    return Value(value={each: value.value for each, value in below.items()}, origin=origin) if below else ABSENT_VALUE


def _only_run(group: str, path: str, left: Side, right: Side) -> bool:
    """Return whether a path is there only where something was run, and one side was not."""
    if group == "results":
        return not (left.groups[group] and right.groups[group])
    known = (_CONTENT in left.groups[group], _CONTENT in right.groups[group])
    return path.startswith(_FOUND) and known != (True, True)


def _side_of_run(named: Named) -> Side:
    plan, metrics = read_plan(named.plan_file), read_metrics(named.metrics_file)
    file = named.folder / RECIPE
    located = read_located(file) if file.is_file() else None
    places = {".".join(key): place for key, place in located.values.items()} if located else {}
    recipe = _flat(
        located.tree if located else {}, lambda path: f"{RECIPE}:{places[path].line}" if path in places else RECIPE
    )
    return Side(name=named.pinned, groups=_groups(recipe, plan, read_lock(named.folder), metrics))


def _groups(recipe: Values, plan: Plan, locked: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Values]:
    document = plan.model_dump(mode="json", exclude=_NOT_COMPARED)
    planned = _flat(document, lambda path: plan.origins.get(path, ""))
    environment = {name: locked[name] for name in _ENVIRONMENT if name in locked}
    measured = {name: value for name, value in metrics.items() if name != _OF_TIME}
    content = {name: each for name, each in (locked.get("data") or {}).items() if name in ("sha256", "recordings")}
    found = _flat(content, lambda path: LOCK, "lock.data.")
    return {
        "recipe": recipe,
        "plan": {path: value for path, value in planned.items() if not path.startswith("data.")},
        "environment": _flat(environment, lambda path: LOCK),
        "data": {path: value for path, value in planned.items() if path.startswith("data.")} | found,
        "results": _flat(measured, lambda path: ""),
    }


def _said_at(loaded: LoadedRecipe, path: str) -> str:
    """Return where a value of a resolved recipe was said, or in the block around it that was."""
    while path and path not in loaded.origins:
        path = path.rpartition(".")[0]
    return said_at(loaded, path) if path else "default"


def _flat(tree: Mapping[str, Any], origin: Callable[[str], str], prefix: str = "") -> dict[str, Value]:
    """Return every value of a tree that is no block with something in it, by its dotted path."""
    found: dict[str, Value] = {}
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            found |= _flat(value, origin, f"{path}.")
        else:
            found[path] = Value(value=value, origin=origin(path))
    return found
