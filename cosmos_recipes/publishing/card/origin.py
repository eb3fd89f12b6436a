"""Where a model comes from and what it cost: lines of the card's tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from cosmos_recipes import __version__
from cosmos_recipes.backbones.weights import SHIPPED, Weights
from cosmos_recipes.compiler.plan import Plan, SetPlan
from cosmos_recipes.data.hub_files import is_commit
from cosmos_recipes.publishing.card.markdown import Markdown, code, escaped
from cosmos_recipes.publishing.card.told import Told

Row = tuple[str, Markdown]
HOUR_S = 3600
_LIBRARIES = ("cosmos-recipes", "torch", "diffusers", "nemo_toolkit")


def cost(plan: Plan, told: Told) -> list[Row]:
    """Return what the training was and what it took."""
    return [*_of_training(plan, told), *_of_machine(plan, told)]


def lineage(plan: Plan, told: Told) -> list[Row]:
    """Return base, data, code and run, each pinned as far as the run knows it."""
    rows = [("Base", _base(plan))]
    rows += [("Data", _data(own, plan.data.mix != ())) for own in plan.data.sets]
    if told.data_fingerprint:
        rows.append(("Prepared data", Markdown(f"fingerprint {code(told.data_fingerprint)}")))
    lock = told.lock.get("packages") or {}
    versions = {"cosmos-recipes": __version__} | {name: lock[name] for name in _LIBRARIES if name in lock}
    rows.append(("Code", Markdown(", ".join(code(f"{name} {version}") for name, version in versions.items()))))
    rows.append(("Plan", code(plan.fingerprint())))
    rows.append(("Run", code(told.run_id)))
    return rows


def hub_base(plan: Plan) -> tuple[str, str] | None:
    """Return the Hub's name and the revision of what the training began from, if it is there."""
    weights = Weights(label=plan.backbone.weights or "")
    if not weights.is_on_hub or plan.backbone.hub_id is None:
        return None
    return plan.backbone.hub_id, weights.revision or "main"


def hub_datasets(plan: Plan) -> list[str]:
    """Return the Hub's names of the data sets that are there."""
    sources = [own.source for own in plan.data.sets if own.source.get("kind") == "hub"]
    return list(
        dict.fromkeys(str(source["path"]) for source in sources if not str(source["path"]).startswith(("/", ".")))
    )


def duration(seconds: float) -> str:
    """Return a time in the unit that a person would use."""
    for unit, length_s in (("days", 86400), ("hours", HOUR_S), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _of_training(plan: Plan, told: Told) -> Iterator[Row]:
    train, objective, clips = plan.train, plan.backbone.objective, told.prepared.get("clips") or {}
    trained = (
        "every weight"
        if train.method == "full"
        else f"low-rank adapters of rank {train.lora_rank}, alpha {train.lora_alpha}"
    )
    yield "Trained", Markdown(f"{trained}, by {escaped(objective.name)}")
    yield (
        "Steps",
        Markdown(f"{train.steps:,} of {train.global_batch} clips, {train.steps * train.global_batch:,} clips in all"),
    )
    if {"train", "held-out"} <= clips.keys():
        recordings = f"of {told.prepared.get('kept', 0):,} recordings"
        yield "Clips", Markdown(f"{clips['train']:,} to train on, {clips['held-out']:,} held out, {recordings}")
    optimizer = train.optimizer
    yield (
        "Optimizer",
        escaped(
            f"{optimizer.name}, learning rate {optimizer.lr:g} at most, {optimizer.warmup} step{'' if optimizer.warmup == 1 else 's'} of warm-up, then {optimizer.decay}"
        ),
    )
    yield "Precision", escaped(train.precision)
    if train.ema:
        yield "Weights", Markdown(f"a moving average with decay {train.ema:g}")
    yield "Seed", Markdown(str(plan.seed))


def _of_machine(plan: Plan, told: Told) -> Iterator[Row]:
    hardware = plan.hardware
    kind = escaped(hardware.gpu or hardware.accelerator.upper())
    machines = f"{hardware.nodes} x " if hardware.nodes > 1 else ""
    processes = (
        f"{hardware.devices} x {kind}"
        if hardware.accelerator == "gpu"
        else f"{kind}, {hardware.devices} process{'es' if hardware.devices > 1 else ''}"
    )
    yield "Machine", Markdown(f"{machines}{processes}")
    seconds = told.metrics.get("train_seconds")
    if seconds is not None:
        spent = f", {seconds * hardware.world / HOUR_S:,.3g} GPU-hours" if hardware.accelerator == "gpu" else ""
        yield "Training time", Markdown(f"{duration(seconds)}{spent}")
    if hardware.accelerator == "gpu":
        peak = told.peak_gpu_bytes
        measured = "not measured" if peak is None else f"{peak / 1e9:.1f} GB at most for tensors"
        yield "Memory of a GPU", Markdown(f"{measured}; {plan.fit.total_bytes / 1e9:.1f} GB by the plan's estimate")


def _base(plan: Plan) -> Markdown:
    backbone, weights = plan.backbone, plan.backbone.weights
    if on_hub := hub_base(plan):
        name, revision = on_hub
        pinned = "" if is_commit(revision) else ", which is not pinned to a commit"
        return Markdown(f"[{escaped(name)}](https://huggingface.co/{quote(name)}) at {code(revision)}{pinned}")
    if weights is None:
        return Markdown(f"none: {code(backbone.name)} was trained from scratch")
    digest = f", sha256 {code(str(backbone.weights_sha256))}" if backbone.weights_sha256 else ""
    if weights.startswith(SHIPPED):
        return Markdown(f"{code(weights.removeprefix(SHIPPED))}, weights that ship with Cosmos Recipes{digest}")
    return Markdown(f"a folder of the machine that trained, in the layout of {code(backbone.name)}{digest}")


def _data(own: SetPlan, is_mixed: bool) -> Markdown:
    kind, path = str(own.source.get("kind", "")), str(own.source.get("path", ""))
    revision = own.revision or own.source.get("revision")
    parts: list[Any] = [code(own.name)]
    if kind == "hub" and not path.startswith(("/", ".")):
        parts.append(Markdown(f"[{escaped(path)}](https://huggingface.co/datasets/{quote(path)})"))
    elif kind == "world":
        parts.append(
            Markdown(f"procedural world {code(own.source.get('world', ''))}, seed {own.source.get('seed', 0)}")
        )
    elif kind:
        parts.append(Markdown(f"from a source of kind {code(kind)}"))
    parts.append(Markdown(f"at {code(revision)}") if revision else Markdown("no revision said"))
    if is_mixed:
        parts.append(Markdown(f"weight {own.weight:g}"))
    parts.append(Markdown(f"licence {code(own.licence)}"))
    return Markdown(", ".join(parts))
