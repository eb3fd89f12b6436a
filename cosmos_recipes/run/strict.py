"""The strict check of a recipe: everything that can be known of it before its own data and its own machine are there.

Its language, all of its plans, made-up data of its contract, three training steps of the smallest backbone of each family
that it names, and its gate on the report of those.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmos_recipes.backbones.zoo import zoo
from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.synthesize import SynthesisSpec, synthesize
from cosmos_recipes.diagnostics import Place, Problem, RecipeError
from cosmos_recipes.files import write_text
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from cosmos_recipes.recipe.spec import Gate
from cosmos_recipes.run.opening import open_recipe, require_known_figures
from cosmos_recipes.run.progress import Progress
from cosmos_recipes.run.run import RunResult, run

STEPS, HELD_OUT = 3, 2
MADE_UP = SynthesisSpec(recordings=6, frames=13, views=2, seed=1)
"""The captions of what is held out differ with this seed: otherwise no control could be taken for another."""
STALL_S = 300
"""A step that takes so long never ends: the tiny networks make one in about a second."""
SAID_OF_HEAD = ("head", "enters", "attention", "layout")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A part of the check that was passed: what it is called, how long it took, and what was found."""

    name: str
    seconds: float
    text: str


@dataclass(frozen=True, kw_only=True)
class _Way:
    """One way in which a recipe trains: as it is, or with a profile."""

    loaded: LoadedRecipe
    plan: Plan

    @property
    def backbone(self) -> str:
        """The tiny backbone of the same family."""
        return f"tiny-{self.plan.backbone.family}"

    @property
    def tree(self) -> dict[str, Any]:
        """The recipe that trains the same head in the same way, as small as it can be, without data."""
        recipe = self.loaded.recipe
        said = recipe.conditioning.model_dump(include=set(SAID_OF_HEAD), exclude_none=True)
        method = recipe.train.method
        return {
            "recipe": "strict-check",
            "summary": "Three training steps of a recipe that is checked.",
            "backbone": self.backbone,
            "dataset": {"schema": recipe.dataset.schema_name},
            "conditioning": {**said, "given_frames": 1, "dropout": 0},
            "train": {
                "method": method if isinstance(method, str) else method.model_dump(),
                "steps": STEPS,
                "global_batch": 2,
                "log_every": 1,
                "precision": "fp32",
                "optimizer": {"lr": 1e-3},
            },
            "evaluate": {
                "clips": HELD_OUT,
                "samples": 1,
                **({"sampler_steps": 2} if zoo()[self.backbone].objective.denoises else {}),
            },
            "hardware": {"stall_s": STALL_S},
        }


class StrictCheck:
    """Checks recipes; what one of them has shown is not done again for the next. `folder` holds what is made up and trained."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder, self.progress = folder, progress
        self.trained: dict[str, RunResult] = {}

    def check(self, recipe: str, overrides: Sequence[str] = ()) -> Iterator[Step]:
        """Yield the steps of the check of a recipe as they are passed.

        Raises:
            RecipeError: what is wrong in the first step that is not passed.
        """
        began_s = time.monotonic()

        def step(name: str, text: str) -> Step:
            nonlocal began_s
            then_s, began_s = began_s, time.monotonic()
            return Step(name=name, seconds=began_s - then_s, text=text)

        recipes = _all_profiles(recipe, overrides)
        yield step("language", ", ".join(loaded.profile or "as it is" for loaded in recipes))
        ways = _compiled(recipes)
        yield step("compile", f"{len(ways)} {'plan' if len(ways) == 1 else 'plans'}")
        schema = recipes[0].recipe.dataset.schema_name
        self._data(schema)
        yield step("data", f"made up of the contract {schema}, {MADE_UP.recordings} recordings")
        for way in {json.dumps(way.tree): way for way in ways}.values():
            yield step("train", self._train(way))
        text = self._gate(ways)
        yield step("gate", text)

    def _data(self, schema: str) -> Path:
        """Return the file of a made-up data set of a contract."""
        folder = self.folder / "data" / schema
        if not folder.exists():
            file = synthesize(schema, folder, MADE_UP, self.progress)
            # Rows are called after their table and their number.
            held_out = json.dumps([f"*:{MADE_UP.recordings - number}" for number in range(1, HELD_OUT + 1)])
            write_text(file, file.read_text(encoding="utf-8") + f"splits: {{held_out: {held_out}}}\n")
        return folder / "dataset.yaml"

    def _train(self, way: _Way) -> str:
        key, head = json.dumps(way.tree), way.plan.conditioning.head
        known = key in self.trained
        result = self._result(way)
        loss = json.loads((result.folder.path / "train" / "result.json").read_text())["final_loss"]
        again = "as trained before: " if known else ""
        learns = "" if head == "none" else ", and every part of the head learns"
        return f"{again}{STEPS} steps of the head {head} on {way.backbone}, loss {loss:.3f}{learns}"

    def _result(self, way: _Way) -> RunResult:
        key = json.dumps(way.tree)
        if key not in self.trained:
            file = self.folder / f"way-{len(self.trained)}" / "recipe.yaml"
            clip = {"frames": MADE_UP.frames, "rate": "5 Hz", "size": "64x64"}
            data = {"use": str(self._data(way.tree["dataset"]["schema"])), "clip": clip}
            write_text(file, json.dumps({**way.tree, "dataset": {**way.tree["dataset"], **data}}))
            opened = open_recipe(str(file))
            result = run(opened.plan, opened.documents, root=self.folder / "runs", until="evaluate")
            require_learning(opened.plan, result)
            self.trained[key] = result
        return self.trained[key]

    def _gate(self, ways: Sequence[_Way]) -> str:
        problems: dict[Problem, None] = {}
        for way in ways:
            metrics = json.loads(self._result(way).folder.metrics.read_text(encoding="utf-8"))
            problems.update(dict.fromkeys(_uncheckable(way.loaded.recipe.gate, metrics)))
        if problems:
            raise RecipeError(*problems)
        limits = {name for way in ways for name in _limits(way.loaded.recipe.gate)}
        return f"{', '.join(sorted(limits))}: can be checked" if limits else "asks for nothing"


def require_learning(plan: Plan, result: RunResult) -> None:
    """Look whether training moved every part of the head.

    Raises:
        RecipeError: no gradient has reached a part of it (CR672).
    """
    import torch
    from safetensors.torch import load_file

    from cosmos_recipes.training.world_model import WorldModel

    begun = WorldModel.build(plan, tokenizer=result.folder.prepare / "tokenizer").head
    trained = load_file(result.folder.train / "model" / "head" / "model.safetensors")
    still = [name for name, value in begun.named_parameters() if torch.equal(trained[name], value)]
    if still:
        raise RecipeError(
            Problem(
                code="CR672",
                message=f"no gradient reaches a part of the head `{plan.conditioning.head}`",
                expected=f"all of its parameters changed after {STEPS} steps",
                found=f"unchanged: {', '.join(still[:5])}{' and others' if len(still) > 5 else ''}",
                hint="look for .detach(), for a part that `forward` does not use, and for two layers in a row that begin at zero",
            )
        )


def _all_profiles(recipe: str, overrides: Sequence[str]) -> list[LoadedRecipe]:
    first = load_recipe(recipe, overrides=overrides)
    _require_own_name(first)
    profiles = [load_recipe(recipe, profile=profile, overrides=overrides) for profile in first.profiles]
    return [first, *profiles]


def _require_own_name(loaded: LoadedRecipe) -> None:
    if loaded.recipe.recipe != loaded.path.stem:
        raise RecipeError(
            Problem(
                code="CR674",
                message=f"the recipe is called `{loaded.recipe.recipe}`, and its file `{loaded.path.name}`",
                place=loaded.place_of("recipe"),
                expected=f"recipe: {loaded.path.stem}",
                found=loaded.recipe.recipe,
                hint="runs and models are called after the one, and `cosmos-recipe run NAME` finds the other",
            )
        )


def _compiled(recipes: Sequence[LoadedRecipe]) -> list[_Way]:
    """Compile all profiles; what their plans only note is an error here, and so is a figure that cannot be measured."""
    ways: list[_Way] = []
    problems: dict[Problem, None] = {}
    for loaded in recipes:
        try:
            require_known_figures(loaded)
            way = _Way(loaded=loaded, plan=compile_recipe(loaded))
        except RecipeError as error:
            problems.update(dict.fromkeys(error.problems))
            continue
        ways.append(way)
        problems.update(dict.fromkeys((*_noted(way), *_unmeasured(way))))
    if problems:
        raise RecipeError(*problems)
    return ways


def _noted(way: _Way) -> Iterator[Problem]:
    profile = f", profile {way.loaded.profile}" if way.loaded.profile else ""
    for note in way.plan.notes:
        yield Problem(
            code="CR670",
            message=f"a plan of the recipe notes something: {note}",
            place=Place(file=f"{way.loaded.path}{profile}"),
            expected="plans without a note, with --strict",
            hint="change what the note tells of; `cosmos-recipe check` without --strict lets it pass",
        )


def _unmeasured(way: _Way) -> Iterator[Problem]:
    """Yield each figure that the gate names and that is not measured of such clips."""
    from cosmos_recipes.evaluation.tasks.base import metrics_for

    plan, gate = way.plan, way.loaded.recipe.gate
    known = [quantity.name for metric in metrics_for(setting_of(plan)) for quantity in metric.quantities]
    for name, limit in gate.figures.items():
        if limit is not None and name not in known:
            yield Problem(
                code="CR671",
                message=f"the figure `{name}` is not measured of such clips",
                place=way.loaded.place_of(f"gate.figures.{name}"),
                expected=f"one of {', '.join(known)}",
                hint="remove the limit, or choose one of these figures: they depend on the world, the columns and the views of the data set",
            )


def setting_of(plan: Plan) -> Any:
    """Return what the metrics of a task can know of the clips of a plan before there are any."""
    from cosmos_recipes.evaluation.evaluate import EvaluationSettings
    from cosmos_recipes.evaluation.tasks.base import Setting

    bound = set.intersection(*({*own.bindings} for own in plan.data.sets))
    needed = {name for name, column in plan.data.contract["columns"].items() if column.get("required", True)}
    return Setting(
        task=plan.task,
        views=tuple(plan.data.clip.views),
        given_frames=plan.data.clip.given_frames,
        columns=frozenset(bound | needed),
        world=EvaluationSettings.from_plan(plan).world,
        features=lambda video_BCTHW: video_BCTHW,
    )


def _uncheckable(gate: Gate, metrics: dict[str, Any]) -> Iterator[Problem]:
    """Yield the limits that cannot be compared with a report; three steps need not hold them."""
    from cosmos_recipes.evaluation.gate import check_gate

    # Figures of a world cannot be found in what is made up, and others not in every few clips.
    found = [_is_found(figure) for figure in metrics["task"].values()]
    here = {name for name, is_found in zip(metrics["task"], found, strict=True) if is_found}
    figures = {name: limit for name, limit in gate.figures.items() if name in here}
    task = gate.task if all(found[:1]) else None
    problems = check_gate(gate.model_copy(update={"figures": figures, "task": task}), metrics)
    yield from (problem for problem in problems if problem.code == "CR805")


def _is_found(figure: dict[str, Any]) -> bool:
    return all(figure.get(video, {}).get("value") is not None for video in ("true", "floor", "shuffled"))


def _limits(gate: Gate) -> Iterator[str]:
    yield from (name for name in gate.model_dump(exclude_none=True) if name != "figures")
    yield from (name for name, limit in gate.figures.items() if limit is not None)
