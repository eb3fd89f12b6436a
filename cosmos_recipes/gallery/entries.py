"""What the gallery shows of each recipe: its plans, what was measured of it, and a finished run where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmos_recipes.backbones.zoo import zoo
from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import heads, task_of
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.evaluation.support import Run, golden_figures
from cosmos_recipes.recipe.library import names
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from cosmos_recipes.run.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A recipe as it is, or with one of its profiles. `plan` is None where it does not compile here, and `problem` says why."""

    profile: str | None
    backbone: str
    family: str
    plan: Plan | None
    problem: str

    @property
    def memory_gb(self) -> float | None:
        """Estimated memory on each GPU, in GB of 10^9 bytes; 0 where it trains on CPUs, None where that is not known."""
        if self.plan is None:
            return None
        return self.plan.fit.total_bytes / 1e9 if self.plan.hardware.accelerator == "gpu" else 0.0

    @property
    def options(self) -> str:
        """What the command line adds to the recipe."""
        return f" --profile {self.profile}" if self.profile else ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A recipe. `measured` are the figures of every seed, by backbone; `run` is a finished run of it as it is."""

    name: str
    loaded: LoadedRecipe
    variants: tuple[Variant, ...]
    measured: Mapping[str, Sequence[Run]]
    run: RunFolder | None

    @property
    def summary(self) -> str:
        """What the trained model does."""
        return self.loaded.recipe.summary

    @property
    def schema(self) -> str:
        """The contract of its data."""
        return self.loaded.recipe.dataset.schema_name

    @property
    def head(self) -> str:
        """The conditioning head."""
        return self.loaded.recipe.conditioning.head

    @property
    def task(self) -> str:
        """The task that contract and head make."""
        return task_of(self.schema, self.head) or "other"

    @property
    def controls(self) -> tuple[str, ...]:
        """The columns that tell the model something."""
        head = heads().get(self.head)
        return (*head.columns, *head.optional_columns) if head else ()


def entries(runs: Path) -> Iterator[Entry]:
    """Yield every recipe that can be named here, in the order of their names; `runs` is the folder of finished runs.

    Raises:
        RecipeError: a recipe is wrong.
    """
    golden = golden_figures()
    for name, path in sorted(names("recipes").items()):
        loaded = load_recipe(path)
        variants = tuple(_variant(path, profile) for profile in (None, *loaded.profiles))
        yield Entry(
            name=name,
            loaded=loaded,
            variants=variants,
            measured=golden.get(name, {}),
            run=_finished(variants[0].plan, runs),
        )


def _variant(path: Path, profile: str | None) -> Variant:
    loaded = load_recipe(path, profile=profile)
    backbone = loaded.recipe.start.use
    known: dict[str, Any] = {"profile": profile, "backbone": backbone, "family": _family(backbone)}
    try:
        return Variant(**known, plan=compile_recipe(loaded), problem="")
    except RecipeError as error:
        return Variant(**known, plan=None, problem=error.problems[0].message)


def _family(backbone: str) -> str:
    return zoo()[backbone].family if backbone in zoo() else "unknown"


def _finished(plan: Plan | None, runs: Path) -> RunFolder | None:
    """Return the run of exactly this plan, if it was evaluated."""
    folder = RunFolder.of(plan, runs) if plan else None
    return folder if folder and folder.metrics.is_file() else None
