"""What a person names to run: a recipe, a plan, or the folder of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cosmos_recipes.compiler.compile import compile_recipe, read_plan
from cosmos_recipes.compiler.drift import drift
from cosmos_recipes.compiler.emit import emit
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail, nearest
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.run.folder import RunFolder
from cosmos_recipes.run.locked import Locked, fail_without_lock, held
from cosmos_recipes.run.references import LOCK, PLAN, RECIPE


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A plan, the texts that go with it into the folder of its run, and the lock that it is held to if it is run again."""

    plan: Plan
    documents: dict[str, str]
    locked: Locked | None = None


def open_recipe(recipe: str, *, profile: str | None = None, overrides: Sequence[str] = ()) -> Opened:
    """Compile a recipe.

    Raises:
        RecipeError: every mistake in it (CR1xx to CR5xx).
    """
    loaded = load_recipe(recipe, profile=profile, overrides=overrides)
    require_known_figures(loaded)
    plan = compile_recipe(loaded, ask_hub=True)
    return Opened(plan=plan, documents=emit(plan, loaded))


def require_known_figures(loaded: LoadedRecipe) -> None:
    """Look whether what the gate asks of the task is measured at all: a slip would only show after the training.

    Raises:
        RecipeError: no installed metric has a figure of that name (CR339).
    """
    wanted = loaded.recipe.gate.figures
    if not wanted:
        return
    from cosmos_recipes.evaluation.tasks.base import installed

    known = [quantity.name for metric in installed() for quantity in metric.quantities]
    problems = [
        Problem(
            code="CR339",
            message=f"nothing measures the figure `{name}`",
            place=loaded.place_of(f"gate.figures.{name}"),
            expected=f"one of {', '.join(known)}",
            hint=f"did you mean `{close}`?" if (close := nearest(name, known)) else "remove the limit",
        )
        for name in wanted
        if name not in known
    ]
    if problems:
        raise RecipeError(*problems)


def open_plan(folder: Path, *, frozen: bool = False) -> Opened:
    """Read the plan of a folder, with recipe and lock beside it, to go on with what it is.

    Raises:
        RecipeError: it is no plan (CR341), or the recipe is not there (CR652); with `frozen`, what drifted from the lock
            (CR240), or there is none (CR244).
    """
    plan = read_plan(folder / PLAN)
    recipe, document = read_recipe(folder), read_lock(folder)
    documents = emit(plan, recipe=recipe, origin=document.get("origin"))
    if not document:
        return fail_without_lock(str(folder)) if frozen else Opened(plan=plan, documents=documents)
    found = drift(document, plan, recipe, base=plan.backbone.weights)
    locked = Locked(name=str(folder), document=document, drift=found, frozen=frozen)
    locked.check()
    return Opened(plan=plan, documents=documents, locked=locked)


def going_on(opened: Opened, folder: RunFolder) -> Opened:
    """Return what was opened with the lock of the training that it goes on with, by which drift is told.

    What is held to another lock stays so.
    """
    if opened.locked or not folder.has_trained or not (document := read_lock(folder.path)):
        return opened
    recipe = opened.documents[RECIPE]
    document = held(document, opened.plan, recipe, origin=document.get("origin"))
    # Another base would have made another plan, and so another folder.
    found = drift(document, opened.plan, recipe, base=None)
    return replace(opened, locked=Locked(name=str(folder.path), document=document, drift=found, frozen=False))


def read_recipe(folder: Path) -> str:
    """Return the text of the recipe that a plan was made from.

    Raises:
        RecipeError: it is not there (CR652).
    """
    file = folder / RECIPE
    if not file.is_file():
        fail(
            "CR652",
            "the recipe of this plan is not beside it",
            place=Place(file=str(folder)),
            expected=f"{RECIPE} and {PLAN} in one folder",
            hint="run the recipe itself, or copy both files of a run",
        )
    return file.read_text(encoding="utf-8")


def read_lock(folder: Path) -> dict[str, Any]:
    """Return the lock beside a plan; nothing where there is none.

    Raises:
        RecipeError: it is no YAML of ours (CR1xx).
    """
    file = folder / LOCK
    return dict(read_located(file).tree) if file.is_file() else {}


def root_of(run: Path, plan: Plan) -> Path:
    """Return the folder of runs that the folder `run` of this plan lies in.

    Raises:
        RecipeError: the folder was renamed, or its plan changed by hand (CR653).
    """
    root = run.absolute().parent.parent
    wanted = RunFolder.of(plan, root).path
    if wanted != run.absolute():
        fail(
            "CR653",
            "the plan in this folder belongs to another run",
            place=Place(file=str(run)),
            expected=f"a folder called {wanted.parent.name}/{wanted.name}",
            found=f"{run.absolute().parent.name}/{run.absolute().name}",
            hint=f"give it that name again, or run its plan: cosmos-recipe run {run / PLAN}",
        )
    return root
