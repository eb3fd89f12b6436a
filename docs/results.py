"""Write what the shipped recipes came to: `python docs/results.py RUNS_FOLDER...`, each with runs of one or more seeds.

It writes recipes/results.json (every figure of every seed, by recipe and backbone), docs/results.md, a contact sheet of
each in docs/sheets/ and the lines `Time` and `Expected` in the headers of the recipes; then docs/tasks.py writes the
matrix. What no folder has a run of stays as it was; the seeds of a recipe and a backbone are replaced together. Without a
folder, all is written again from recipes/results.json. Runs that are not of a recipe as it is shipped, on its own tiny
backbone or on that of another family, are left out, each with a line that says why.

`--measure RUNS_FOLDER` first runs what is not done there: every shipped recipe on every family with three seeds, or those
that `--recipe`, `--family` and `--seed` name.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import typer
from PIL import Image

from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.compiler.compile import compile_recipe, read_plan
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.evaluation.support import RESULTS, Way, golden_figures, proofs
from cosmos_recipes.evaluation.task_words import p_value
from cosmos_recipes.evaluation.tasks.base import Quantity, installed
from cosmos_recipes.run.folder import TRAINED_BY, RunFolder
from cosmos_recipes.run.stages import read_record

DOCS = Path(__file__).parent
RECIPES = DOCS.parent / "recipes"
PAGE, SHEETS = "results.md", "sheets"
PROOFS = {proof.recipe: proof for proof in proofs()}
SEEDS = (0, 1, 2)
MOST_SHEET_BYTES = 250_000
_MOST_SHEET_PX = 1400
_LEAST_GAP_PX = 20
_REFUSED_BY_GATE = 5
_LAST_STAGES = ("evaluate", "package", "publish")

Run = dict[str, Any]
Results = dict[str, dict[str, list[Run]]]
Key = tuple[str, str]
"""A recipe and a backbone."""


def main(folders: Sequence[Path], *, docs: Path = DOCS, recipes: Path = RECIPES) -> None:
    """Write everything into `docs` and `recipes`; nothing where folders are given and no run in them counts."""
    new, sheets = found(folders)
    if folders and not new:
        raise SystemExit("no run of a recipe as it is shipped: nothing is written")
    results = _joined(golden_figures(recipes), new)
    (recipes / RESULTS).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (docs / SHEETS).mkdir(exist_ok=True)
    for key, sheet in sheets.items():
        (docs / _sheet(*key)).write_bytes(small_png(sheet))
    (docs / PAGE).write_text(written(results), encoding="utf-8")
    for name in results:
        recipe = recipes / f"{name}.yaml"
        recipe.write_text(headed(recipe.read_text(encoding="utf-8"), name, results), encoding="utf-8")


def _joined(old: Mapping[str, Mapping[str, Sequence[Run]]], new: Mapping[Key, list[Run]]) -> Results:
    """Return the figures in the order of the tasks, and of the families of each."""
    known = {(name, backbone): [*runs] for name, own in old.items() for backbone, runs in own.items()} | new
    ways = {
        name: [way for way in proof.ways.values() if (name, way.backbone) in known] for name, proof in PROOFS.items()
    }
    return {name: {way.backbone: known[name, way.backbone] for way in own} for name, own in ways.items() if own}


def way_of(name: str, backbone: str) -> Way | None:
    """Return how a shipped recipe trains on a backbone that it is measured on."""
    ways = PROOFS[name].ways.values() if name in PROOFS else ()
    return next((way for way in ways if way.backbone == backbone), None)


def measure(runs: Path, ways: Iterable[Way], seeds: Sequence[int]) -> None:
    """Run recipes, one after the other on one core; what is done in `runs` is not done again."""
    for way in ways:
        for seed in seeds:
            words = ["run", str(way.path), *way.options, "--set", f"seed={seed}", "--runs", str(runs)]
            typer.echo(f"cosmos-recipe {' '.join(words)}", err=True)
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            done = subprocess.run([sys.executable, "-m", "cosmos_recipes", *words], env=environment, check=False)
            # A model that the gate refuses was measured all the same.
            if done.returncode not in (0, _REFUSED_BY_GATE):
                raise SystemExit(done.returncode)


def found(folders: Sequence[Path]) -> tuple[dict[Key, list[Run]], dict[Key, Path]]:
    """Return the runs that count, in the order of their seeds, and the contact sheet of the first of each."""
    kept: dict[Key, dict[int, RunFolder]] = {}
    for folder in (RunFolder(path.parent) for root in folders for path in sorted(root.glob("*/*/plan.yaml"))):
        reason = why_not(folder, kept)
        if reason:
            typer.echo(f"left out: {folder.path}: {reason}", err=True)
            continue
        plan = read_plan(folder.plan_file)
        kept.setdefault((plan.recipe, plan.backbone.name), {})[plan.seed] = folder
    ordered = {key: [by_seed[seed] for seed in sorted(by_seed)] for key, by_seed in kept.items()}
    return (
        {key: _runs(run_folders) for key, run_folders in ordered.items()},
        {key: run_folders[0].evaluate / "samples" / "contact_sheet.png" for key, run_folders in ordered.items()},
    )


def why_not(folder: RunFolder, kept: Mapping[Key, Mapping[int, RunFolder]]) -> str:
    """Return why a run does not count, or nothing."""
    try:
        plan = read_plan(folder.plan_file)
    except RecipeError as error:
        return f"its plan cannot be read: {error.problems[0].message}"
    if plan.recipe not in PROOFS:
        return f"`{plan.recipe}` is no shipped recipe with a gate"
    way = way_of(plan.recipe, plan.backbone.name)
    if way is None or plan.profile != way.profile:
        return f"it is of {plan.backbone.name} and the profile {plan.profile}, which recipes are not measured with"
    if other := _differing(plan, shipped(plan.recipe, plan.backbone.name)):
        return f"its {' and '.join(other)} are not those of the recipe as it is shipped"
    record = read_record(folder.stages / "evaluate.json")
    if record is None or record.state != "done":
        return "it is not evaluated"
    if plan.seed in kept.get((plan.recipe, plan.backbone.name), {}):
        return f"another run has the seed {plan.seed}"
    return ""


@cache
def shipped(name: str, backbone: str) -> Plan:
    """Return the plan of a recipe as it is shipped, on a backbone."""
    way = way_of(name, backbone)
    assert way is not None
    return compile_recipe(way.load())


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
    return [
        _rounded({**ours, "task": _labelled(ours["task"]), "minutes": each})
        for ours, each in zip(metrics, minutes, strict=True)
    ]


def _labelled(task: Mapping[str, Run]) -> dict[str, Run]:
    labels = {quantity.name: quantity.label for metric in installed() for quantity in metric.quantities}
    return {name: {"label": labels[name], **figure} for name, figure in task.items()}


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
    measured = [(name, backbone, runs) for name, own in results.items() for backbone, runs in own.items()]
    tables = [
        _table(_PREDICTS, [_predicts(*each) for each in measured]),
        _table(_OBEYS, [_obeys(*each) for each in measured]),
        _table(_MEASURED, [row for each in measured for row in _measured(*each)]),
    ]
    quantities = [one for _, _, runs in measured for one in _quantities(runs)]
    meanings = [f"- **{one.label}**: {one.meaning}\n" for one in dict.fromkeys(quantities)]
    sheets = [
        f"## {PROOFS[name].task}: `{name}`, `{backbone}`\n\n![Contact sheet]({_sheet(name, backbone)})\n"
        for name, backbone, _ in measured
    ]
    return "\n".join([_INTRODUCTION.format(*tables, "".join(meanings)), *sheets])


_PREDICTS = ("task", "recipe", "backbone", "seeds", "PSNR where things move", "copying", "SSIM", "copying", "minutes")
_OBEYS = ("task", "backbone", "adherence", "lower bound")
_MEASURED = ("task", "backbone", "measured in the video", "floor on true video", "prediction", "shuffled control", "p")
_INTRODUCTION = """# What the recipes come to

Every recipe as it is shipped, on its own tiny backbone and on that of the other family where it was measured, over
held-out clips. A value is the mean over the seeds, with the least and the greatest in brackets. `python docs/results.py RUNS_FOLDER...`
writes this page from finished runs; [results.json](../recipes/results.json) has every figure of every seed.

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


def _sheet(name: str, backbone: str) -> str:
    return f"{SHEETS}/{name}-{backbone}.png"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _predicts(name: str, backbone: str, runs: Sequence[Run]) -> list[str]:
    figures = (("psnr_moving_db", 1), ("psnr_moving_copy_db", 1), ("ssim", 3), ("ssim_copy", 3), ("minutes", 0))
    seeds = ", ".join(str(run["seed"]) for run in runs)
    values = [_spread([run[figure] for run in runs], digits) for figure, digits in figures]
    return [PROOFS[name].task, f"[`{name}`](../recipes/{name}.yaml)", f"`{backbone}`", seeds, *values]


def _obeys(name: str, backbone: str, runs: Sequence[Run]) -> list[str]:
    values = [_spread([run["adherence"] for run in runs], 2), _worst(runs, "adherence_low")]
    return [PROOFS[name].task, f"`{backbone}`", *values]


def _measured(name: str, backbone: str, runs: Sequence[Run]) -> list[list[str]]:
    measured = [(quantity.label, _values(quantity, runs)) for quantity in _quantities(runs)]
    rows = [[label, *values] for label, values in measured if any(values)]
    return [[*(("", "") if number else (PROOFS[name].task, f"`{backbone}`")), *row] for number, row in enumerate(rows)]


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


def headed(text: str, name: str, results: Results) -> str:
    """Return a recipe with the times and the figures of its runs in its header, those of each backbone."""
    times = [f"{backbone}: {_minutes(runs)}" for backbone, runs in results[name].items()]
    expected = [line for backbone, runs in results[name].items() for line in _expected(name, backbone, runs)]
    for title, lines in (("Time", times), ("Expected", expected)):
        block = "".join(f"# {'' if number else title:<11}{line}\n" for number, line in enumerate(lines))
        before, after = re.split(rf"^# {title} .*\n(?:# {{12}}.*\n)*", text, maxsplit=1, flags=re.MULTILINE)
        text = before + block + after
    return text


def _minutes(runs: Sequence[Run]) -> str:
    least, most = (round(end(run["minutes"] for run in runs)) for end in (min, max))
    return f"{least} to {most} minutes on one core" if least < most else f"{most} minutes on one core"


def _expected(name: str, backbone: str, runs: Sequence[Run]) -> Iterator[str]:
    def mean(name: str, digits: int = 1) -> str:
        return f"{fmean(run[name] for run in runs):.{digits}f}"

    yield (
        f"{backbone}: PSNR {mean('psnr_db')} dB (copying the last frame: {mean('psnr_copy_db')}), "
        f"where things move {mean('psnr_moving_db')} ({mean('psnr_moving_copy_db')}), "
        f"SSIM {mean('ssim', 2)} ({mean('ssim_copy', 2)})"
    )
    if runs[0]["adherence"] is not None:
        yield f"  adherence {mean('adherence', 2)} (lower bound {_worst(runs, 'adherence_low')})"
        for quantity in _promised(name, backbone, runs):
            floor, true, shuffled, p = _values(quantity, runs)
            yield f"  {quantity.label.lower()}: {true}, floor on true video {floor}, shuffled control {shuffled}, p {p}"


def _promised(name: str, backbone: str, runs: Sequence[Run]) -> list[Quantity]:
    """Return the figures that a recipe's gate asks for, or else the one that says most of its task."""
    way = way_of(name, backbone)
    asked = way.load().recipe.gate.figures if way else {}
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


def command() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="RUNS_FOLDER")
    parser.add_argument("--measure", type=Path, metavar="RUNS_FOLDER")
    parser.add_argument("--recipe", action="append", choices=PROOFS)
    parser.add_argument("--family", action="append", choices=FAMILIES)
    parser.add_argument("--seed", action="append", type=int)
    said = parser.parse_args()
    if not said.measure and (said.recipe or said.family or said.seed):
        parser.error("--recipe, --family and --seed go with --measure")
    if said.measure:
        chosen = (way for name in said.recipe or PROOFS for way in PROOFS[name].ways.values())
        measure(said.measure, [way for way in chosen if way.family in (said.family or FAMILIES)], said.seed or SEEDS)
    main([*said.folders, *([said.measure] if said.measure else [])])
    subprocess.run([sys.executable, DOCS / "tasks.py"], check=True)


if __name__ == "__main__":
    command()
