"""The support matrix: which task runs on which family, the shipped recipe that shows it, and what that came to.

Heads, backbones and recipes say what is supported; `recipes/results.json` holds what was measured. It imports nothing
heavy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from cosmos_recipes.backbones.zoo import FAMILIES, Family, ZooEntry, zoo
from cosmos_recipes.conditioning.base import Head, heads, task_of
from cosmos_recipes.evaluation.task_words import p_value, value_words
from cosmos_recipes.recipe.library import packaged
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from cosmos_recipes.recipe.spec import Gate

TASK_ORDER = ("general", "instruction", "action", "camera", "multi-view", "multi-view + trajectory")
"""From the least told to the most; tasks of installed heads that are not here come after."""
RESULTS = "results.json"

LEGEND = (
    "Means over the seeds, on held-out clips. dB: how much nearer to the truth than repeating the last given frame, in PSNR "
    "over the pixels that move. Adherence: how many times larger the error is with a wrong control, that of another clip; "
    "its lower bound is that of the worst seed. Then how far off the videos are in what they were told, and with a wrong "
    "control; p is how likely that difference is by chance. Minutes are those of a whole run on one core."
)

Run = Mapping[str, Any]
Golden = Mapping[str, Mapping[str, Sequence[Run]]]
"""By recipe and backbone, the figures of metrics.json of each seed, `minutes`, and a `label` of each figure of the task."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a recipe trains on a family: `--profile` or `--set` of `cosmos-recipe run`, if it is not that recipe's own."""

    path: Path
    family: str
    backbone: str
    profile: str | None = None
    overrides: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """What the command line adds to the recipe."""
        profile = () if self.profile is None else ("--profile", self.profile)
        return (*profile, *(word for override in self.overrides for word in ("--set", override)))

    def load(self, *overrides: str) -> LoadedRecipe:
        """Return the recipe, trained this way."""
        return load_recipe(self.path, profile=self.profile, overrides=(*self.overrides, *overrides))


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A shipped recipe whose gate asks for something: a run that passes shows that the task works. `ways` are by family."""

    recipe: str
    task: str
    ways: Mapping[Family, Way]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the seeds of a recipe came to: means, `adherence_low` of the worst seed, and a figure of the `task` in words."""

    seeds: tuple[int, ...]
    moving_gain_db: float | None
    adherence: float | None
    adherence_low: float | None
    task: tuple[str, ...]
    minutes: float

    @property
    def lines(self) -> list[str]:
        """The figures in words, a short line each."""
        gain, obeys = self.moving_gain_db, self.adherence is not None
        lines = [
            "" if gain is None else f"{gain:+.1f} dB where things move".replace("-", "−"),
            f"adherence {self.adherence:.2f} (lower bound {self.adherence_low:.2f})" if obeys else "",
            *self.task,
            f"{_counted(round(self.minutes), 'minute')}, {_counted(len(self.seeds), 'seed')}",
        ]
        return [line for line in lines if line]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A task on a family. `why_not` says why it is not supported, or is empty."""

    why_not: str
    way: Way | None
    figures: Figures | None

    @property
    def lines(self) -> list[str]:
        """What there is to say of it, a short line each."""
        if self.why_not:
            return [f"not supported: {self.why_not}"]
        if self.way is None:
            return ["no recipe is shipped"]
        return self.figures.lines if self.figures else ["not measured"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A task, what a model is told in it, and its cells by family."""

    task: str
    told: str
    recipe: str | None
    cells: Mapping[Family, Cell]


def golden_figures(folder: Path | None = None) -> Golden:
    """Return what was measured of the shipped recipes, or of those in a `folder`; nothing where no file says it."""
    file = (folder or packaged("recipes")) / RESULTS
    golden: Golden = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return golden


def support(golden: Golden | None = None) -> list[Row]:
    """Return the matrix, a row for each task of the installed heads."""
    measured = golden_figures() if golden is None else golden
    shown = proofs()
    rows = []
    for task in _by_order({head.task for head in heads().values()}):
        own = sorted((proof for proof in shown if proof.task == task), key=lambda proof: proof.recipe not in measured)
        rows.append(_row(task, own[0] if own else None, measured))
    return rows


def proofs() -> list[Proof]:
    """Return the shipped recipes that prove a task, in the order of the tasks."""
    found = []
    for path in sorted(packaged("recipes").glob("*.yaml")):
        loaded = load_recipe(path)
        task = task_of(loaded.recipe.dataset.schema_name, loaded.recipe.conditioning.head)
        if task is not None and loaded.recipe.gate != Gate():
            families = [family for family in FAMILIES if not _why_not(task, family)]
            ways = {family: _way(loaded, family) for family in families}
            found.append(Proof(recipe=loaded.recipe.recipe, task=task, ways=ways))
    order = _by_order({proof.task for proof in found})
    return sorted(found, key=lambda proof: order.index(proof.task))


def _row(task: str, proof: Proof | None, golden: Golden) -> Row:
    cells = {}
    for family in FAMILIES:
        way = proof.ways.get(family) if proof else None
        runs = golden.get(proof.recipe, {}).get(way.backbone, ()) if proof and way else ()
        figures = _figures(runs, way.load().recipe.gate) if way and runs else None
        cells[family] = Cell(why_not=_why_not(task, family), way=way, figures=figures)
    told = next(head.summary for head in heads().values() if head.task == task)
    return Row(task=task, told=told, recipe=proof.recipe if proof else None, cells=cells)


def _why_not(task: str, family: str) -> str:
    fitting: list[Head] = [head for head in heads().values() if head.task == task and family in head.families]
    if not fitting:
        return "no head"
    return "" if _backbones(family) else "no backbone"


def _backbones(family: str) -> list[ZooEntry]:
    """Return the backbones of a family, those that need no download first."""
    entries = (entry for entry in zoo().values() if entry.family == family)
    return sorted(entries, key=lambda entry: entry.hub_id is not None)


def _way(loaded: LoadedRecipe, family: str) -> Way:
    """Return the recipe as it is where its backbone is of the family; or else its profile of a small one, or that one."""
    own = loaded.recipe.start.use
    if own in zoo() and zoo()[own].family == family:
        return Way(path=loaded.path, family=family, backbone=own)
    small = _backbones(family)[0].name
    if small in loaded.profiles:
        return Way(path=loaded.path, family=family, backbone=small, profile=small)
    return Way(path=loaded.path, family=family, backbone=small, overrides=(f"backbone={small}",))


def _figures(runs: Sequence[Run], gate: Gate) -> Figures:
    moving = [(run["psnr_moving_db"], run["psnr_moving_copy_db"]) for run in runs]
    lows = [run["adherence_low"] for run in runs if run["adherence_low"] is not None]
    return Figures(
        seeds=tuple(run["seed"] for run in runs),
        moving_gain_db=_mean([None if None in pair else pair[0] - pair[1] for pair in moving]),
        adherence=_mean([run["adherence"] for run in runs]),
        adherence_low=min(lows, default=None),
        task=_task([run["task"] for run in runs], gate),
        minutes=fmean(run["minutes"] for run in runs),
    )


def _task(tasks: Sequence[Mapping[str, Any]], gate: Gate) -> tuple[str, ...]:
    """Return the figure that the gate asks of, in words: the first of the task, or the first that has a limit."""
    asked = [name for name, limit in gate.figures.items() if limit is not None]
    names = [*tasks[0]][:1] if gate.task is not None else asked
    name = next((name for name in names if all(name in task for task in tasks)), None)
    if name is None:
        return ()
    figures = [task[name] for task in tasks]
    means = {
        control: {"value": _mean([figure.get(control, {}).get("value") for figure in figures])}
        for control in ("true", "shuffled")
    }
    true, shuffled = (value_words({"unit": figures[0]["unit"], **means}, control) for control in means)
    chances = [figure["p_shuffled"] for figure in figures]
    off = " off" if figures[0]["less_is_better"] else ""
    first = f"{figures[0]['label'].lower()} {true + off if true else 'not found'}"
    chance = f", p {p_value(max(chances))}" if None not in chances else ""
    return (first, f"wrong control: {shuffled}{chance}") if shuffled else (first,)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _by_order(tasks: set[str]) -> list[str]:
    known = [task for task in TASK_ORDER if task in tasks]
    return [*known, *sorted(tasks.difference(known))]
