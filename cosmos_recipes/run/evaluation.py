"""A trained model measured again: on held-out clips of its own data set, or on those of another of the same contract."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes import __version__
from cosmos_recipes.compiler.compile import compile_data
from cosmos_recipes.compiler.plan import DataPlan, Plan
from cosmos_recipes.data.binding.alike import difference
from cosmos_recipes.data.binding.declare import Declaration, declaration_of
from cosmos_recipes.data.index import ClipIndex
from cosmos_recipes.data.statistics import read_normalisers
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.evaluation.measured import read_metrics
from cosmos_recipes.files import write_json
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.run.placing import Placed, inline_dataset, require_here
from cosmos_recipes.run.prepare import Preparation
from cosmos_recipes.run.progress import Progress
from cosmos_recipes.run.references import RECIPE, Named, find_model
from cosmos_recipes.run.results import clips_to_measure, device, write_results
from cosmos_recipes.run.sampling.models import OpenModel, opened

if TYPE_CHECKING:
    from cosmos_recipes.data.statistics import Normaliser
    from cosmos_recipes.evaluation.evaluate import HeldOut

LIBRARIES = ("torch", "diffusers", "torchmetrics")


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """What is measured: a model, as `references` says, on so many `clips` of its own data set or of `dataset`.

    `overrides` say where its own data lies now; `base` is the folder of what it was trained from, if that was moved.
    """

    model: str
    dataset: str | None = None
    clips: int | None = None
    overrides: Sequence[str] = ()
    base: Path | None = None
    runs: Path = Path("runs")
    output: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What was measured, and what was measured when the model was trained; `folder` holds all of it.

    `notes` say in what the two differ besides.
    """

    folder: Path
    name: str
    metrics: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def evaluate_again(request: EvaluationRequest, progress: Progress) -> Evaluated:
    """Measure a model and write report.html, metrics.json, clips.json, samples/ and evaluated.json.

    Raises:
        RecipeError: there is no such model (CR246, CR248, CR260, CR261), it has no plan (CR245), its data is on another
            machine (CR242), the other data set does not fit it (CR2xx to CR5xx, CR247), or it breaks (CR165).
    """
    named = find_model(request.model, runs=request.runs)
    model = opened(named)
    model.require_base(request.base)
    plan = _plan(request, named, model)
    # Libraries of half a second each come after what can be refused without them.
    from cosmos_recipes.backbones.stored import at_work
    from cosmos_recipes.evaluation.evaluate import EvaluationSettings, evaluate
    from cosmos_recipes.training.world_model import WorldModel

    clips, held_out, notes = _clips(plan, model, request, progress)
    progress("loading the model", 0, 0)
    network = WorldModel.from_pretrained(model.folder, base=request.base if model.config.base else None)
    with at_work(model.folder, "it was measured"):
        measured = evaluate(network.to(device(plan)), held_out, EvaluationSettings.from_plan(plan), progress=progress)
    before = read_metrics(named.metrics_file)
    steps, train_seconds = (before.get(name, 0) for name in ("steps", "train_seconds"))
    metrics = measured.metrics(steps=steps, train_seconds=train_seconds)
    folder = request.output or Path("evaluated") / (
        f"{plan.recipe}-on-{plan.data.name}" if request.dataset else plan.recipe
    )
    progress("writing the report", 0, 0)
    recipe = (named.folder / RECIPE).read_text(encoding="utf-8") if (named.folder / RECIPE).is_file() else ""
    write_results(folder, measured, metrics, plan=plan, recipe=recipe, log=())
    write_json(folder / "evaluated.json", _said(model, plan, clips))
    return Evaluated(
        folder=folder,
        name=named.pinned,
        metrics=metrics,
        before=before,
        notes=notes,
    )


def _plan(request: EvaluationRequest, named: Named, model: OpenModel) -> Plan:
    """Return the plan of the model, with what is asked for put into it."""
    if model.plan is None:
        fail(
            "CR245",
            f"nothing says how `{request.model}` is evaluated",
            place=Place(file=named.pinned),
            expected="a run or a package, with plan.yaml",
            found="a model alone",
            hint="name the run or the package that the model is from",
        )
    plan = model.plan
    said = Placed.of(request.overrides, plan, frozen=True)
    if said.others or said.base or said.publish:
        fail(
            "CR245",
            "`--set` says only where the data of the model lies",
            place=Place(file=f"--set {(said.others or ('publish',))[0]}"),
            expected="--set dataset.use.source.path=PATH",
            hint="other data is `--dataset`, fewer clips `--clips`",
        )
    if request.dataset:
        plan = plan.model_copy(update={"data": _other_data(request.dataset, named, plan)})
    else:
        plan = said.applied(plan)
        require_here(
            plan.model_copy(update={"backbone": plan.backbone.model_copy(update={"weights": None})}), named.pinned
        )
    if request.clips:
        plan = plan.model_copy(update={"evaluate": plan.evaluate.model_copy(update={"clips": request.clips})})
    return plan


def _other_data(dataset: str, named: Named, plan: Plan) -> DataPlan:
    """Return the plan of another data set, whose clips are as those that the model was trained on.

    Raises:
        RecipeError: there is none, it keeps another contract, or the model cannot see its columns (CR247).
    """
    alone = [f"backbone={json.dumps({'use': plan.backbone.name, 'weights': 'none'})}"]
    loaded = load_recipe(named.folder / RECIPE, overrides=[*alone, f"dataset.use={json.dumps(dataset)}"])
    data = compile_data(loaded)
    for what, ours, theirs in _unlike(plan.data, data):
        if ours != theirs:
            fail(
                "CR247",
                f"the model cannot be measured on {data.name}: it has other {what}",
                place=Place(file=f"--dataset {dataset}"),
                expected=ours,
                found=theirs,
                hint="bind the data set as that of the model is",
            )
    return data


def _unlike(ours: DataPlan, theirs: DataPlan) -> Iterator[tuple[str, str, str]]:
    """Yield in words what a model takes for the same, of its own data and of other data."""
    yield "views", ", ".join(ours.clip.views), ", ".join(theirs.clip.views)
    yield "columns", ", ".join(ours.columns), ", ".join(theirs.columns)
    for name, count in ours.numbers.items():
        yield f"numbers in each row of `{name}`", str(count), str(theirs.numbers.get(name))
    if differs := difference(_seen(ours, ours), _seen(theirs, ours)):
        column, meant, other = differs
        yield f"meanings of `{column}`", meant, other


def _seen(data: DataPlan, by: DataPlan) -> Declaration:
    """Return how a data set keeps its contract, as far as a model that was trained on other data sees it."""
    own = data.sets[0]
    whole = declaration_of(data.load_contract(), own.views, own.bindings)
    return replace(whole, columns={name: said for name, said in whole.columns.items() if name in by.columns})


def _clips(
    plan: Plan, model: OpenModel, request: EvaluationRequest, progress: Progress
) -> tuple[list[str], HeldOut, tuple[str, ...]]:
    """Return the names of the recordings of the held-out clips, the clips, and what is worth saying of them."""
    from cosmos_recipes.training.batches import ClipRows, PreparedClips, spread

    preparation = Preparation.of(plan, request.runs)
    if preparation.is_done:
        ids = PreparedClips(preparation.folder).held_out(plan.evaluate.clips)
    else:
        preparation = preparation.of_clips()
        preparation.index(progress)
        ids = spread(ClipIndex(preparation.folder).ids("held-out").tolist(), plan.evaluate.clips)
    index = ClipIndex(preparation.folder)
    normalisers, notes = _normalisers(plan, model, read_normalisers(preparation.folder))
    held_out = clips_to_measure(plan, preparation.folder, ids, ClipRows(index, normalisers).of(ids))
    return [index.name(index.recording_of[clip]) for clip in ids], held_out, notes


def _normalisers(
    plan: Plan, model: OpenModel, own: Sequence[Mapping[str, Normaliser]]
) -> tuple[Sequence[Mapping[str, Normaliser]], tuple[str, ...]]:
    """Return what normalises the columns of each data set: what the model was trained with, whatever the data is."""
    seen = model.seen.normalisers if model.seen else []
    if not seen or model.plan is None or plan.data == model.plan.data:
        return seen or own, ()
    names = [each.name for each in model.plan.data.sets]
    chosen = [names.index(each.name) if each.name in names else 0 for each in plan.data.sets]
    notes = [f"numbers are normalised as those of {names[part]}" for part in dict.fromkeys(chosen) if seen[part]]
    return [seen[part] for part in chosen], tuple(notes)


def _said(model: OpenModel, plan: Plan, clips: Sequence[str]) -> dict[str, Any]:
    """Return what was measured, on what and with what."""
    return {
        "model": model.pinned,
        "revision": model.revision,
        "weights_sha256": model.weights_sha256,
        "data": inline_dataset(plan) or plan.data.name,
        "evaluate": plan.evaluate.model_dump(mode="json"),
        "seed": plan.seed,
        "recordings": clips,
        "versions": {"cosmos-recipes": __version__, **{name: version(name) for name in LIBRARIES}},
    }
