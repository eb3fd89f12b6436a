"""What changed since a lock was written: versions, code, recipe, plan, contract, base weights and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.lock import LOCK_VERSION, contract_sha256, lock
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.provenance import leaves
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.diagnostics import Place, Problem, RecipeError

HELD = ("version", "plan", "recipe", "code", "python", "packages", "schema", "backbone", "data.revision", "data.sha256")
"""What of a lock has to be the same, by the start of its dotted path."""
NOTHING = "nothing"
MOST_NAMED = 8
"""Recordings that are named, of those that changed."""
_SHORT = 12
_HINTS = {
    "packages": "install that version: pip install '{name}=={locked}'",
    "python": "use that Python",
    "code": "use the version of cosmos-recipes that it was made with",
    "plan": "take plan.yaml as it was published; it was changed by hand",
    "recipe": "take recipe.yaml as it was published; it was changed by hand",
    "schema": "take the schema as it was, or away: the plan holds its own",
    "backbone": "say where that base is: --set backbone.weights=PATH",
    "data": "take the data as it was, or say where that is: --set dataset.use.source.path=PATH",
    "version": "publish it again with this version",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """A value of a lock, by its dotted path, that is another one now."""

    path: str
    locked: str
    now: str

    @property
    def is_of_machine(self) -> bool:
        """Whether it is of this machine, and not of what a job takes to another one."""
        return self.path.partition(".")[0] in ("python", "packages")

    @property
    def words(self) -> str:
        """What drifted, in a line."""
        return f"{self.path}: {self.locked} in the lock, {self.now} here"

    def problem(self, lock_of: str) -> Problem:
        """Return it as what `--frozen` refuses (CR240)."""
        block, _, name = self.path.partition(".")
        return Problem(
            code="CR240",
            message=f"`{self.path}` is not what the lock says",
            place=Place(file=lock_of),
            expected=self.locked,
            found=self.now,
            hint=f"{_HINTS[block].format(name=name, locked=self.locked)}; without --frozen the run goes on all the same",
        )


def drift(locked: Mapping[str, Any], plan: Plan, recipe: str, *, base: str | None) -> tuple[Drift, ...]:
    """Return what of a lock is otherwise here, for the plan and the text of the recipe that it came with.

    `base` is what the plan's weights are called on this machine; without one they are not looked at. What is in the data
    is compared by `drift_of_data`, once it was read.
    """
    if locked.get("version") != LOCK_VERSION:
        return (Drift(path="version", locked=str(locked.get("version")), now=str(LOCK_VERSION)),)
    then, now = _flat(locked), _flat(_here(plan, recipe, base))
    paths = [path for path in dict.fromkeys((*then, *now)) if _is_held(path) and path != "data.sha256"]
    # Of a folder it counts what is in it, and not where it lies.
    paths = [path for path in paths if path != "backbone.weights" or str(then.get(path)).startswith(("shipped", "hub"))]
    return tuple(
        Drift(path=path, locked=_words(then.get(path)), now=_words(now.get(path)))
        for path in paths
        if then.get(path) != now.get(path)
    )


def drift_of_data(locked: Mapping[str, Any], content: Mapping[str, Any]) -> tuple[Drift, ...]:
    """Return what of the data is otherwise: its recordings by name, where the lock lists them.

    The lock of a plan that was never run says nothing of them.
    """
    then: Mapping[str, Any] = locked.get("data") or {}
    if then.get("sha256") in (None, content["sha256"]):
        return ()
    whole = Drift(path="data.sha256", locked=_words(then.get("sha256")), now=_words(content["sha256"]))
    return (whole, *_recordings(then.get("recordings") or {}, content.get("recordings") or {}))


def require_none(found: tuple[Drift, ...], lock_of: str) -> None:
    """Refuse to go on with anything that drifted.

    Raises:
        RecipeError: all of it (CR240).
    """
    if found:
        raise RecipeError(*(each.problem(lock_of) for each in found))


def _recordings(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Drift]:
    if not then or not now:
        return
    changed = [name for name in dict.fromkeys((*then, *now)) if then.get(name) != now.get(name)]
    for name in changed[:MOST_NAMED]:
        yield Drift(path=f"data.recordings.{name}", locked=_words(then.get(name)), now=_words(now.get(name)))
    if len(changed) > MOST_NAMED:
        yield Drift(path="data.recordings", locked=f"{len(changed)} others", now=f"{len(changed)} that changed")


def _here(plan: Plan, recipe: str, base: str | None) -> dict[str, Any]:
    """Return the lock that the plan would be given on this machine, from what there is of contract and base."""
    document = lock(plan, recipe=recipe)
    document["schema"]["sha256"] = _contract_here(plan)
    weights = Weights(label=base or "")
    if base and not weights.is_on_hub:
        document["backbone"]["weights_sha256"] = weights.sha256() if weights.is_whole else None
    return document


def _contract_here(plan: Plan) -> str:
    """Return the hash of the contract of that name which is installed; where none is, the plan's own is used."""
    try:
        schema = load_schema(plan.data.schema_name)
    except RecipeError:
        return contract_sha256(plan.data.contract)
    return contract_sha256(schema.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    return {path: _at(document, path) for path in leaves(document)}


def _at(document: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path, whose keys may hold dots."""
    if path in document:
        return document[path]
    for key in document:
        if path.startswith(f"{key}."):
            return _at(document[key], path[len(key) + 1 :])
    return None


def _is_held(path: str) -> bool:
    return any(path == held or path.startswith(f"{held}.") for held in HELD)


def _words(value: Any) -> str:
    text = NOTHING if value is None else str(value)
    is_hash = len(text) == 64 and all(character in "0123456789abcdef" for character in text)
    return text[:_SHORT] if is_hash else text
