"""Write what the shipped recipes came to: `python docs/results.py RUNS_FOLDER...`, each with runs of one or more seeds.

It writes docs/results.json (every figure of every seed), docs/results.md, a contact sheet of each task in docs/sheets/
and the lines `Expected` in the headers of the recipes. Recipes that no folder has a run of stay as they were. Without a
folder, page and headers are written again from docs/results.json. Runs that are not of a recipe as it is shipped, at its
tiny profile, are left out, each with a line that says why.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import typer
from omegaconf import OmegaConf
from PIL import Image

from cosmos_recipes.compiler.compile import compile_recipe, read_plan
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.evaluation.tasks.base import Quantity, installed
from cosmos_recipes.evaluation.words import p_value
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.run.folder import TRAINED_BY, RunFolder, read_json
from cosmos_recipes.run.stages import read_record

DOCS = Path(__file__).parent
RECIPES = DOCS.parent / "recipes"
STORED, PAGE, SHEETS = "results.json", "results.md", "sheets"
TASKS = {
    "factory": "general",
    "factory-instructions": "instruction",
    "arm-actions": "action",
    "room-camera": "camera",
    "cell-views": "multi-view",
    "road-trajectory": "multi-view + trajectory",
}
MOST_SHEET_BYTES = 250_000
_MOST_SHEET_PX = 1400
_LEAST_GAP_PX = 20
_LAST_STAGES = ("evaluate", "package", "publish")
_EXPECTED = re.compile(r"^# Expected .*\n(?:# {12}.*\n)*", re.MULTILINE)

Run = dict[str, Any]
Results = dict[str, list[Run]]


def main(folders: Sequence[Path], *, docs: Path = DOCS, recipes: Path = RECIPES) -> None:
    """Write everything into `docs` and `recipes`; nothing where folders are given and no run in them counts."""
    new, sheets = found(folders)
    if folders and not new:
        raise SystemExit("no run of a recipe as it is shipped: nothing is written")
    known = stored(docs) | new
    results = {name: known[name] for name in TASKS if name in known}
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    (docs / STORED).write_text(text, encoding="utf-8")
    (docs / SHEETS).mkdir(exist_ok=True)
    for name, sheet in sheets.items():
        (docs / SHEETS / f"{name}.png").write_bytes(small_png(sheet))
    (docs / PAGE).write_text(written(results), encoding="utf-8")
    for name, runs in results.items():
        recipe = recipes / f"{name}.yaml"
        recipe.write_text(headed(recipe.read_text(encoding="utf-8"), runs), encoding="utf-8")


def stored(docs: Path = DOCS) -> Results:
    """Return results.json: by recipe, the figures of metrics.json of each seed, and `minutes`."""
    results: Results = read_json(docs / STORED) or {}
    return results


def found(folders: Sequence[Path]) -> tuple[Results, dict[str, Path]]:
    """Return the runs that count, by recipe and in the order of their seeds, and the contact sheet of the first of each."""
    kept: dict[str, dict[int, RunFolder]] = {}
    for folder in (RunFolder(path.parent) for root in folders for path in sorted(root.glob("*/*/plan.yaml"))):
        reason = why_not(folder, kept)
        if reason:
            typer.echo(f"left out: {folder.path}: {reason}", err=True)
            continue
        plan = read_plan(folder.plan_file)
        kept.setdefault(plan.recipe, {})[plan.seed] = folder
    ordered = {name: [by_seed[seed] for seed in sorted(by_seed)] for name, by_seed in kept.items()}
    return (
        {name: _runs(run_folders) for name, run_folders in ordered.items()},
        {name: run_folders[0].evaluate / "samples" / "contact_sheet.png" for name, run_folders in ordered.items()},
    )


def why_not(folder: RunFolder, kept: Mapping[str, Mapping[int, RunFolder]]) -> str:
    """Return why a run does not count, or nothing."""
    try:
        plan = read_plan(folder.plan_file)
    except RecipeError as error:
        return f"its plan cannot be read: {error.problems[0].message}"
    if plan.recipe not in TASKS or not (RECIPES / f"{plan.recipe}.yaml").is_file():
        return f"`{plan.recipe}` is no shipped recipe of one of the six tasks"
    if plan.profile:
        return f"it is of the profile {plan.profile}, not of the tiny one"
    if other := _differing(plan, shipped(plan.recipe)):
        return f"its {' and '.join(other)} are not those of the recipe as it is shipped"
    record = read_record(folder.stages / "evaluate.json")
    if record is None or record.state != "done":
        return "it is not evaluated"
    if plan.seed in kept.get(plan.recipe, {}):
        return f"another run has the seed {plan.seed}"
    return ""


@cache
def shipped(name: str) -> Plan:
    """Return the plan of a recipe as it is shipped."""
    return compile_recipe(load_recipe(RECIPES / f"{name}.yaml"))


def _differing(plan: Plan, other: Plan) -> list[str]:
    """Return the parts that decide the figures in which two plans differ; every decoder gives the same frames."""
    parts = [part for part in (*TRAINED_BY, "evaluate") if part != "seed"]
    ours, theirs = (each.model_dump(mode="json", exclude={"data": {"decode"}}) for each in (plan, other))
    return [part for part in parts if ours[part] != theirs[part]]


def _runs(folders: Sequence[RunFolder]) -> list[Run]:
    """Return the figures of each run. What seeds share is prepared by one of them, and counts for all."""
    metrics = [json.loads(folder.metrics.read_text(encoding="utf-8")) for folder in folders]
    seconds = [_seconds(folder) for folder in folders]
    prepare_s = max(each.get("prepare", 0.0) for each in seconds)
    minutes = [
        (prepare_s + max(each["train"], ours["train_seconds"]) + sum(each[stage] for stage in _LAST_STAGES)) / 60
        for each, ours in zip(seconds, metrics, strict=True)
    ]
    return [_rounded({**ours, "minutes": each}) for ours, each in zip(metrics, minutes, strict=True)]


def _seconds(folder: RunFolder) -> dict[str, float]:
    """Return how long each stage took when it was last done; of a training that went on after a stop, the last part."""
    lines = map(json.loads, folder.log_file.read_text(encoding="utf-8").splitlines())
    return dict.fromkeys(("train", *_LAST_STAGES), 0.0) | {
        line["stage"]: line["seconds"] for line in lines if "stage" in line
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def written(results: Results) -> str:
    """Return the page."""
    tables = [
        _table(_PREDICTS, [_predicts(name, runs) for name, runs in results.items()]),
        _table(_OBEYS, [_obeys(name, runs) for name, runs in results.items()]),
        _table(_MEASURED, [row for name, runs in results.items() for row in _measured(name, runs)]),
    ]
    quantities = [one for runs in results.values() for one in _quantities(runs)]
    meanings = [f"- **{one.label}**: {one.meaning}\n" for one in dict.fromkeys(quantities)]
    sheets = [f"## {TASKS[name]}: `{name}`\n\n![Contact sheet](sheets/{name}.png)\n" for name in results]
    return "\n".join([_INTRODUCTION.format(*tables, "".join(meanings)), *sheets])


_PREDICTS = ("task", "recipe", "seeds", "PSNR where things move", "copying", "SSIM", "copying", "minutes")
_OBEYS = ("task", "adherence", "lower bound")
_MEASURED = ("task", "measured in the video", "floor on true video", "prediction", "shuffled control", "p")
_INTRODUCTION = """# What the recipes come to

Every recipe as it is shipped, at its tiny profile, over held-out clips. A value is the mean over the
seeds, with the least and the greatest in brackets. `python docs/results.py RUNS_FOLDER...` writes this page from finished
runs; [results.json](results.json) has every figure of every seed.

## How well it predicts

Copying repeats the last given frame. PSNR is in dB. Minutes are those of the whole run, from the data to the package, on
one core, while others were at work on the same machine.

{0}
## Whether it obeys

Adherence is how many times larger the error is with another clip's control, from the same noise and frames: 1 ignores the
control. Its lower bound is that of the 95 % interval over clips, of the worst seed.

{1}
## What is found in the videos

The same is measured in the true videos, which is as good as it can be found, in the predicted ones, and in those predicted
under another clip's control. p is how likely the true control would be as much better by chance, for the worst seed.

{2}
{3}
## What it looks like

Of the first seed, the first held-out clips, not chosen by how well they went. Frames with an orange border were given.
"""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _predicts(name: str, runs: Sequence[Run]) -> list[str]:
    figures = (("psnr_moving_db", 1), ("psnr_moving_copy_db", 1), ("ssim", 3), ("ssim_copy", 3), ("minutes", 0))
    seeds = ", ".join(str(run["seed"]) for run in runs)
    values = [_spread([run[figure] for run in runs], digits) for figure, digits in figures]
    return [TASKS[name], f"[`{name}`](../recipes/{name}.yaml)", seeds, *values]


def _obeys(name: str, runs: Sequence[Run]) -> list[str]:
    return [TASKS[name], _spread([run["adherence"] for run in runs], 2), _worst(runs, "adherence_low")]


def _measured(name: str, runs: Sequence[Run]) -> list[list[str]]:
    measured = [(quantity.label, _values(quantity, runs)) for quantity in _quantities(runs)]
    rows = [[label, *values] for label, values in measured if any(values)]
    return [["" if number else TASKS[name], *row] for number, row in enumerate(rows)]


def _values(quantity: Quantity, runs: Sequence[Run]) -> list[str]:
    """Return a figure of true video, and under the true and a shuffled control, and how likely that is by chance."""
    figures = [run["task"][quantity.name] for run in runs]
    unit = quantity.unit if quantity.unit in ("", "°") else f" {quantity.unit}"
    values = [
        _spread([figure.get(control, {}).get("value") for figure in figures], quantity.digits, unit)
        for control in ("floor", "true", "shuffled")
    ]
    chances = [figure["p_shuffled"] for figure in figures]
    return [*values, "" if None in chances else p_value(max(chances))]


def _quantities(runs: Sequence[Run]) -> list[Quantity]:
    """Return what was measured of every seed, in the order of metrics.json."""
    known = {quantity.name: quantity for metric in installed() for quantity in metric.quantities}
    return [known[name] for name in runs[0]["task"] if all(name in run["task"] for run in runs)]


def _worst(runs: Sequence[Run], name: str) -> str:
    values = [run[name] for run in runs]
    return "" if None in values else f"{min(values):.2f}"


def _spread(values: Sequence[float | None], digits: int, unit: str = "") -> str:
    """Return the mean of the values, and their range where there are more than one; nothing where one is unknown."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return ""
    low, mean, high = (f"{value:.{digits}f}" for value in (min(known), fmean(known), max(known)))
    return f"{mean}{unit}" + (f" ({low} to {high})" if len(known) > 1 else "")


def headed(text: str, runs: Sequence[Run]) -> str:
    """Return a recipe with the figures of its runs in its header."""
    lines = "".join(
        f"# {'' if number else 'Expected':<11}{line}\n" for number, line in enumerate(_expected(text, runs))
    )
    return _EXPECTED.sub(lambda _: lines, text, count=1)


def _expected(text: str, runs: Sequence[Run]) -> Iterator[str]:
    def mean(name: str, digits: int = 1) -> str:
        return f"{fmean(run[name] for run in runs):.{digits}f}"

    yield (
        f"PSNR {mean('psnr_db')} dB (copying the last frame: {mean('psnr_copy_db')}), "
        f"where things move {mean('psnr_moving_db')} ({mean('psnr_moving_copy_db')}), "
        f"SSIM {mean('ssim', 2)} ({mean('ssim_copy', 2)})"
    )
    if runs[0]["adherence"] is not None:
        yield f"adherence {mean('adherence', 2)} (lower bound {_worst(runs, 'adherence_low')})"
        for quantity in _promised(text, runs):
            floor, true, shuffled, p = _values(quantity, runs)
            yield f"{quantity.label.lower()}: {true}, floor on true video {floor}, shuffled control {shuffled}, p {p}"


def _promised(text: str, runs: Sequence[Run]) -> list[Quantity]:
    """Return the figures that a recipe's gate asks for, or else the one that says most of its task."""
    asked = OmegaConf.create(text).get("gate", {}).get("figures", {})
    measured = _quantities(runs)
    return [one for one in measured if asked.get(one.name) is not None] or measured[:1]


def small_png(path: Path) -> bytes:
    """Return as many whole samples from the top of a contact sheet as a small PNG can hold, at least one."""
    sheet = Image.open(path).convert("RGB")
    for factor in (2, 3, 4):
        smaller = sheet.reduce(factor)
        for bottom in reversed([cut // factor for cut in _cuts(sheet) if cut // factor <= _MOST_SHEET_PX]):
            stored_png = BytesIO()
            smaller.crop((0, 0, smaller.width, bottom)).quantize(256, kmeans=8).save(stored_png, "PNG", optimize=True)
            if stored_png.tell() <= MOST_SHEET_BYTES:
                return stored_png.getvalue()
    raise SystemExit(f"no sample of {path} fits into {MOST_SHEET_BYTES} bytes")


def _cuts(sheet: Image.Image) -> list[int]:
    """Return where samples end: in the middle of bands of paper that are higher than those inside a sample."""
    pixels_HW3 = np.asarray(sheet)
    inked = np.flatnonzero((pixels_HW3 != pixels_HW3[0, 0]).any((1, 2)))
    ends = inked[:-1][np.diff(inked) > _LEAST_GAP_PX]
    return [min(int(end) + _LEAST_GAP_PX // 2, sheet.height) for end in (*ends, inked[-1])]


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1:]])
