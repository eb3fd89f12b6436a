"""What a person names to run: a recipe, a plan, or the folder of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmos_recipes.compiler.compile import compile_recipe, read_plan
from cosmos_recipes.compiler.emit import emit
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail, nearest
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from cosmos_recipes.run.folder import RunFolder

PLAN_FILE, RECIPE_FILE = "plan.yaml", "recipe.yaml"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A plan, and the texts that go with it into the folder of its run."""

    plan: Plan
    documents: dict[str, str]


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


def is_plan(reference: str) -> bool:
    """Return whether a reference names a plan or the folder of one, rather than a recipe."""
    path = Path(reference)
    return path.name == PLAN_FILE or (path.is_dir() and (path / PLAN_FILE).is_file())


def open_plan(reference: str) -> Opened:
    """Read a plan, or the plan of a run's folder, with the recipe beside it.

    Raises:
        RecipeError: it is no plan (CR341), or the recipe is not there (CR652).
    """
    path = Path(reference)
    folder = path if path.is_dir() else path.parent
    plan = read_plan(folder / PLAN_FILE)
    if not (folder / RECIPE_FILE).is_file():
        fail(
            "CR652",
            "the recipe of this plan is not beside it",
            place=Place(file=str(folder)),
            expected=f"{RECIPE_FILE} and {PLAN_FILE} in one folder",
            hint="run the recipe itself, or copy both files of a run",
        )
    documents = {**emit(plan), RECIPE_FILE: (folder / RECIPE_FILE).read_text(encoding="utf-8")}
    return Opened(plan=plan, documents=documents)


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
            hint=f"give it that name again, or run its plan: cosmos-recipe run {run / PLAN_FILE}",
        )
    return root
