"""The lock that a run is held to: what drifted is refused or told, and whether the same weights came out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from cosmos_recipes.compiler.drift import Drift, drift_of_data, require_none
from cosmos_recipes.compiler.emit import lock_text
from cosmos_recipes.compiler.lock import lock
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import sha256
from cosmos_recipes.run.progress import Progress
from cosmos_recipes.run.references import AGAIN, LOCK


def held(document: Mapping[str, Any], made: Plan, recipe: str, *more: str, origin: str | None = None) -> dict[str, Any]:
    """Return a lock with what was chosen in place of what it says: origin, plan, recipe, and `more` of its blocks."""
    now = lock(made, recipe=recipe, origin=origin)
    return {**document, **{block: now[block] for block in ("origin", "plan", "recipe", *more)}}


def fail_without_lock(reference: str) -> NoReturn:
    """Refuse to hold to a lock what has none (CR244)."""
    fail(
        "CR244",
        "`--frozen` needs a lock to hold the run to",
        place=Place(file=reference),
        expected=f"a run, a package or hf://owner/name, with {LOCK}",
        found="none",
        hint="leave --frozen out: a recipe is compiled anew",
    )


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A lock of what is run again. `name` is that, pinned; `drift` is what is otherwise here before anything is read.

    `document` says of plan and recipe what they are now, with data and base where they lie here: the earlier ones were
    compared. With `frozen` nothing may be otherwise. `weights` are the sha256 of the files of weights that were published.
    """

    name: str
    document: Mapping[str, Any]
    drift: tuple[Drift, ...]
    frozen: bool
    weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What drifted, a line each."""
        return [f"drift: {each.words}" for each in self.drift]

    def check(self) -> None:
        """Refuse what drifted, where nothing may (CR240)."""
        if self.frozen:
            require_none(self.drift, self.name)

    def check_data(self, content: Mapping[str, Any], progress: Progress) -> None:
        """Refuse other data, where nothing may be otherwise (CR240), or tell of it; called before anything is trained."""
        found = drift_of_data(self.document, content)
        if self.frozen:
            require_none(found, self.name)
        for each in found:
            progress.note(f"drift: {each.words}")

    def packed(self) -> dict[str, str]:
        """Return the files by which a job is held to this lock on the machine that it runs on."""
        again = {"name": self.name, "weights": dict(self.weights)}
        return {LOCK: lock_text(self.document), AGAIN: json.dumps(again, indent=2) + "\n"}

    def outcome(self, package: Path) -> str:
        """Return whether the package of a run has the weights that were published, in a line."""
        same = [path for path, wanted in self.weights.items() if _is(package / path, wanted)]
        if len(same) == len(self.weights):
            return f"the weights are those of {self.name}, bit for bit"
        return (
            f"{len(self.weights) - len(same)} of {len(self.weights)} files of weights differ from those of {self.name}"
        )


def _is(path: Path, wanted: str) -> bool:
    return path.is_file() and sha256(path) == wanted
