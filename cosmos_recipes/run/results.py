"""The stages after training: evaluation with its gate, and the package."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.run.folder import RunFolder
from cosmos_recipes.run.prepare import clip_reader

if TYPE_CHECKING:
    from cosmos_recipes.evaluation.evaluate import Evaluation, HeldOut
    from cosmos_recipes.run.progress import Progress


def evaluate(
    plan: Plan, folder: RunFolder, prepared: Path, *, steps: int, train_seconds: float, progress: Progress
) -> dict[str, Any]:
    """Write metrics.json, clips.json, samples/ and report.html of the trained model; returns the metrics."""
    from cosmos_recipes.evaluation.evaluate import EvaluationSettings
    from cosmos_recipes.evaluation.evaluate import evaluate as measure
    from cosmos_recipes.training.log import StepLog
    from cosmos_recipes.training.world_model import WorldModel

    progress("loading the model", 0, 0)
    model = WorldModel.from_pretrained(folder.train / "model").to(device(plan))
    evaluation = measure(model, held_out(plan, prepared), EvaluationSettings.from_plan(plan), progress=progress)
    metrics = evaluation.metrics(steps=steps, train_seconds=train_seconds)
    progress("writing the report", 0, 0)
    recipe, log = (folder.path / "recipe.yaml").read_text(encoding="utf-8"), StepLog(folder.log_file).read()
    write_results(folder.evaluate, evaluation, metrics, plan=plan, recipe=recipe, log=log)
    return metrics


def write_results(
    folder: Path,
    evaluation: Evaluation,
    metrics: dict[str, Any],
    *,
    plan: Plan,
    recipe: str,
    log: Sequence[Mapping[str, Any]],
) -> None:
    """Write samples/, report.html and clips.json into a folder, and at last metrics.json."""
    from cosmos_recipes.evaluation.evaluate import write_clips, write_metrics
    from cosmos_recipes.evaluation.report import write_report
    from cosmos_recipes.evaluation.samples import write_samples

    write_samples(folder / "samples", evaluation, rate_hz=plan.data.clip.rate_hz)
    write_report(folder / "report.html", evaluation=evaluation, metrics=metrics, plan=plan, recipe_text=recipe, log=log)
    write_clips(folder / "clips.json", evaluation)
    write_metrics(folder / "metrics.json", metrics)


def held_out(plan: Plan, prepared: Path) -> HeldOut:
    """Return the held-out clips to measure on."""
    from cosmos_recipes.training.batches import PreparedClips

    clips = PreparedClips(prepared)
    ids = clips.held_out(plan.evaluate.clips)
    return clips_to_measure(plan, prepared, ids, clips.rows(ids))


def clips_to_measure(plan: Plan, prepared: Path, ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> HeldOut:
    """Return clips of a prepared folder, of which only the index is needed; `rows` are what the model sees of them."""
    import torch

    from cosmos_recipes.data.latents import along_frames
    from cosmos_recipes.evaluation.evaluate import HeldOut

    reader = clip_reader(plan, prepared)
    return HeldOut(
        rows=rows,
        canonical=[reader.index.row(clip) for clip in ids],
        read=lambda positions: torch.cat([along_frames(reader.read([ids[position]])) for position in positions]),
    )


def device(plan: Plan) -> str:
    """Return where the model is evaluated: on the plan's GPU where this machine has one."""
    import torch

    return "cuda" if plan.hardware.accelerator == "gpu" and torch.cuda.is_available() else "cpu"


def require_gate(plan: Plan, folder: RunFolder) -> None:
    """Refuse to go on with a model that does not hold the gate's limits.

    Raises:
        RecipeError: every limit that is not held (CR8xx).
    """
    from cosmos_recipes.evaluation.gate import check_gate

    problems = check_gate(plan.gate, json.loads(folder.metrics.read_text(encoding="utf-8")))
    if problems:
        raise RecipeError(*problems)
