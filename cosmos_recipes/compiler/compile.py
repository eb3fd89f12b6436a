"""A recipe becomes a plan: resolve, check, fit; and a plan is read back from its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cosmos_recipes.backbones.objectives import TokenSampling
from cosmos_recipes.compiler.check import check, check_alone, check_data
from cosmos_recipes.compiler.families import set_aside, token_sampling
from cosmos_recipes.compiler.fit import Fit, fit
from cosmos_recipes.compiler.lock import file_hashes
from cosmos_recipes.compiler.plan import (
    PLAN_VERSION,
    BackbonePlan,
    ClipPlan,
    ConditioningPlan,
    DataPlan,
    DecodePlan,
    EvaluatePlan,
    Plan,
    PublishPlan,
    SetPlan,
    TrainPlan,
)
from cosmos_recipes.compiler.provenance import origins
from cosmos_recipes.compiler.resolve import Resolved, resolve
from cosmos_recipes.compiler.shape import clip_plan
from cosmos_recipes.data.binding.spec import RATE_HZ
from cosmos_recipes.data.dataset import BoundDataset, Mixture
from cosmos_recipes.data.hub_files import is_commit
from cosmos_recipes.diagnostics import Problem, RecipeError, fail, noted
from cosmos_recipes.recipe.load import LoadedRecipe
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.validation import validate

CHECKPOINTS_IN_A_RUN = 10


def compile_recipe(loaded: LoadedRecipe, *, ask_hub: bool = False) -> Plan:
    """Return what a run of this recipe will do, nothing left open; `ask_hub` is said of `resolve`.

    Raises:
        RecipeError: every problem in names and between parts (CR2xx, CR3xx, CR5xx); or, if there is none of those, what
            does not fit the machine (CR4xx).
    """
    problems: list[Problem] = []
    try:
        resolved = resolve(loaded, ask_hub=ask_hub)
        problems += check(resolved)
    except RecipeError as error:
        problems += error.problems
    problems += check_alone(loaded)
    if problems:
        raise RecipeError(*sorted(problems, key=_position))
    return plan_of(resolved, ask_hub=ask_hub)


def plan_of(resolved: Resolved, *, ask_hub: bool = False) -> Plan:
    """Return the plan of a recipe whose parts fit together.

    Raises:
        RecipeError: it does not fit the machine (CR4xx).
    """
    clip = clip_plan(resolved.loaded.recipe, resolved.backbone, resolved.views)
    plan = _plan(resolved, clip, fit(resolved, clip), ask_hub)
    document = plan.model_dump(mode="json", exclude={"origins", "sources"})
    return Plan.model_validate({**document, "sources": file_hashes(resolved), "origins": origins(document, resolved)})


def compile_data(loaded: LoadedRecipe) -> DataPlan:
    """Return what of a recipe's plan is of its data, to measure a model on other data than it was trained on.

    Raises:
        RecipeError: every problem in names, and between the data and the recipe (CR2xx, CR3xx, CR5xx).
    """
    resolved = resolve(loaded)
    if problems := check_data(resolved):
        raise RecipeError(*sorted(problems, key=_position))
    return _data(resolved, clip_plan(loaded.recipe, resolved.backbone, resolved.views))


def read_plan(path: str | Path) -> Plan:
    """Return the plan that `write_plan` wrote.

    Raises:
        RecipeError: there is no such file, or it is not a plan.
    """
    located = read_located(path)
    if located.tree.get("version") != PLAN_VERSION or "fit" not in located.tree:
        fail(
            "CR341",
            f"{Path(path).name} is not a plan of this version",
            place=located.place_of((), False),
            expected=f"a plan.yaml with `version: {PLAN_VERSION}`",
            hint="compile the recipe again",
        )
    return validate(Plan, located)


def _position(problem: Problem) -> tuple[str, int, int]:
    place = problem.place
    return (place.file, place.line, place.column) if place else ("", 0, 0)


def _plan(resolved: Resolved, clip: ClipPlan, fitted: Fit, ask_hub: bool) -> Plan:
    loaded = resolved.loaded
    recipe = loaded.recipe
    return Plan(
        recipe=recipe.recipe,
        summary=recipe.summary,
        profile=loaded.profile,
        task=resolved.head.task,
        seed=recipe.seed,
        backbone=_backbone(resolved),
        data=_data(resolved, clip),
        conditioning=_conditioning(resolved),
        train=_train(resolved, fitted),
        evaluate=_evaluate(resolved),
        gate=recipe.gate,
        publish=PublishPlan(**recipe.publish.model_dump()),
        hardware=fitted.hardware,
        fit=fitted.plan,
        notes=(*_unpinned(resolved, ask_hub), *_shared_clips(resolved, fitted), *_notes(resolved, clip)),
    )


def _conditioning(resolved: Resolved) -> ConditioningPlan:
    said, head, views = resolved.loaded.recipe.conditioning, resolved.head, resolved.views
    attention = (said.attention or "full") if head.of_views else None
    everything = {view: tuple(other for other in views if other != view) for view in views}
    sees = everything if said.sees is None else {view: tuple(seen) for view, seen in said.sees.items()}
    follow_each_other = head.of_views and resolved.backbone.architecture.causal
    return ConditioningPlan(
        head=head.name,
        enters=head.entry(said.enters, resolved.backbone.family),
        dropout=said.dropout if head.controlled else 0.0,
        attention=attention,
        sees=sees if attention == "per-view" else None,
        layout=(said.layout or "time-major") if follow_each_other else None,
    )


def _backbone(resolved: Resolved) -> BackbonePlan:
    entry, train, weights = resolved.backbone, resolved.loaded.recipe.train, resolved.weights
    document = entry.model_dump(mode="json", include=set(BackbonePlan.model_fields))
    document["weights"] = weights.label if weights else None
    document["weights_sha256"] = weights.sha256() if weights else None
    document["refit"] = resolved.loaded.recipe.start.tokenizer == "data"
    objective = document["objective"]
    if entry.objective.denoises:
        objective |= _said(shift=train.shift)
    else:
        objective["settings"] |= _said(z_loss=train.z_loss, corruption=train.corruption)
    return BackbonePlan.model_validate({**document, "parameters": entry.parameters})


def _said(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _data(resolved: Resolved, clip: ClipPlan) -> DataPlan:
    mixture, recipe = resolved.dataset, resolved.loaded.recipe
    parts = tuple(SetPlan(**_set(dataset), weight=weight) for dataset, weight in mixture.sets)
    own = _set(mixture.sets[0][0]) if len(parts) == 1 else _mixture(mixture)
    head, known = resolved.head, resolved.schema.columns
    return DataPlan(
        **own,
        mix=parts if len(parts) > 1 else (),
        schema_name=mixture.file.schema_name,
        numbers={name: resolved.numbers[name] for name in resolved.head.columns if name in resolved.numbers},
        rates_hz=_rates_hz(resolved),
        contract=resolved.schema.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        columns={name: known[name].kind for name in ("video", *head.columns, *head.optional_columns) if name in known},
        splits={"train": "train", "evaluate": "held-out"},
        limit=recipe.dataset.limit,
        transcode=recipe.dataset.transcode,
        clip=clip,
        decode=DecodePlan(
            requested=recipe.dataset.decode, backends=resolved.decode.backends, reason=resolved.decode.reason
        ),
    )


def _rates_hz(resolved: Resolved) -> dict[str, float]:
    """Return how many points to come there are in a second, of each column of the head that holds such."""
    declared = resolved.dataset.declaration.numbers
    return {
        name: declared[name].binding.rate or RATE_HZ
        for name in resolved.head.columns
        if resolved.schema.columns[name].convention == "future-points"
    }


def _mixture(mixture: Mixture) -> dict[str, Any]:
    return {"name": mixture.file.name, "source": {}, "licence": mixture.file.licence, "revision": None}


def _set(dataset: BoundDataset) -> dict[str, Any]:
    file = dataset.file
    return {
        "name": file.name,
        "source": {"kind": dataset.kind, **dataset.source.model_dump(mode="json")},
        "licence": file.licence,
        "revision": file.revision,
        "views": file.views,
        "bindings": _bindings(dataset),
        "held_out": file.splits.held_out if file.splits else None,
        "normalise": file.normalise,
        "statistics": file.statistics,
        "on_missing": file.on_missing,
    }


def _bindings(dataset: BoundDataset) -> dict[str, Any]:
    said = {name: declared.binding for name, declared in dataset.declaration.columns.items()}
    return {name: binding.model_dump(mode="json", by_alias=True, exclude_none=True) for name, binding in said.items()}


def _train(resolved: Resolved, fitted: Fit) -> TrainPlan:
    train = resolved.loaded.recipe.train
    lora = train.lora
    return TrainPlan(
        method="lora" if lora else "full",
        lora_rank=lora.rank if lora else None,
        lora_alpha=lora.alpha if lora else None,
        steps=train.steps,
        global_batch=train.global_batch,
        micro_batch=fitted.micro_batch,
        accumulate=fitted.accumulate,
        optimizer=train.optimizer,
        precision=train.precision,
        ema=train.ema,
        checkpoint_every=train.checkpoint_every or _checkpoint_every(resolved),
        keep_checkpoints=train.keep_checkpoints,
        keep_best=train.keep_best,
        keep_every_h=train.keep_every_h,
        skip_not_finite=train.skip_not_finite,
        log_every=train.log_every,
        tensorboard=train.tensorboard,
    )


def _checkpoint_every(resolved: Resolved) -> int:
    """Return the steps between two checkpoints; where the best are kept, each is one whose held-out loss is measured."""
    recipe = resolved.loaded.recipe
    steps = -(-recipe.train.steps // CHECKPOINTS_IN_A_RUN)
    return -(-steps // recipe.evaluate.every) * recipe.evaluate.every if recipe.train.keep_best else steps


def _evaluate(resolved: Resolved) -> EvaluatePlan:
    evaluate, sampling = resolved.loaded.recipe.evaluate, token_sampling(resolved)
    drawn = dict(sampling) if sampling else dict.fromkeys(TokenSampling.model_fields)
    return EvaluatePlan(
        **{
            **evaluate.model_dump(),
            **drawn,
            "sampler_steps": 0 if sampling else evaluate.sampler_steps,
            "samples": min(evaluate.samples, evaluate.clips),
        }
    )


def _unpinned(resolved: Resolved, asked: bool) -> Iterator[str]:
    weights, hub_id = resolved.weights, resolved.backbone.hub_id
    if asked and weights and weights.revision and not is_commit(weights.revision):
        yield f"the Hub did not say which commit {weights.revision} of {hub_id} is: the plan is not pinned to one"


def _shared_clips(resolved: Resolved, fitted: Fit) -> Iterator[str]:
    batch, hardware = resolved.loaded.recipe.train.global_batch, fitted.hardware
    if batch % hardware.world and "train.global_batch" in resolved.loaded.origins:
        yield f"a global batch of {batch} is no multiple of {hardware.world} processes: each clip is shared by {hardware.world // hardware.data_parallel} of them"


def _notes(resolved: Resolved, clip: ClipPlan) -> Iterator[str]:
    recipe, backbone = resolved.loaded.recipe, resolved.backbone
    train, evaluate = recipe.train, recipe.evaluate
    if clip.given_latent_frames > max(backbone.native.given_latent_frames):
        yield f"{clip.given_latent_frames} latent frames are given, and {backbone.name} was trained with {max(backbone.native.given_latent_frames)} at most"
    if train.optimizer.warmup >= train.steps:
        yield f"the warm-up ({train.optimizer.warmup} steps) is as long as the run ({train.steps}): the learning rate never reaches its peak"
    if evaluate.every > train.steps:
        yield f"evaluate.every ({evaluate.every}) is longer than the run ({train.steps} steps): nothing is measured while training"
    for key in set_aside(resolved):
        yield f"{key} is not used: it was said for another backbone, and {backbone.name} {backbone.objective.does}"
    for dataset, _ in resolved.dataset.sets:
        if dataset.file.licence == "unknown":
            yield f"the licence of the data set {dataset.file.name} is not said: write `licence:` into its file"
    yield from noted(resolved.description.problems)
