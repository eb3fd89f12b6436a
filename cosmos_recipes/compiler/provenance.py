"""Where each value of a plan came from: a place in a file, a profile, the command line, a default, or a derivation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cosmos_recipes.backbones.names import ZOO_FILE
from cosmos_recipes.compiler.families import ignored_settings
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.compiler.ways import PINS
from cosmos_recipes.data.dataset import DatasetFile
from cosmos_recipes.diagnostics import Place
from cosmos_recipes.recipe.load import LoadedRecipe

FROM_RECIPE = {
    "recipe": "recipe",
    "summary": "summary",
    "seed": "seed",
    "data.schema_name": "dataset.schema",
    "data.limit": "dataset.limit",
    "data.clip.frames": "dataset.clip.frames",
    "data.clip.rate_hz": "dataset.clip.rate",
    "data.clip.height_px": "dataset.clip.size",
    "data.clip.width_px": "dataset.clip.size",
    "data.clip.given_frames": "conditioning.given_frames",
    "data.decode.requested": "dataset.decode",
    "data.transcode": "dataset.transcode",
    "conditioning": "conditioning",
    "train.method": "train.method",
    "train.lora_rank": "train.method.lora.rank",
    "train.lora_alpha": "train.method.lora.alpha",
    "train": "train",
    "evaluate": "evaluate",
    "gate": "gate",
    "publish": "publish",
    "hardware.nodes": "hardware.nodes",
    "hardware.compile": "hardware.compile",
    "hardware.gpu": "hardware.gpu",
    "hardware.stall_s": "hardware.stall_s",
}
"""Paths of the plan that a key of the recipe says; of a block, all below it under the same names."""

WHOLE = ("data.contract",)
"""Blocks that come from one place as a whole."""

DERIVED = {
    "version": "the form of this file",
    "task": "derived from dataset.schema and conditioning.head",
    "profile": "the command line",
    "backbone.parameters": "derived from backbone.architecture",
    "backbone.weights_sha256": "derived from backbone.weights",
    "data.clip.latent_frames": "derived from dataset.clip and the tokenizer",
    "data.clip.latent_height": "derived from dataset.clip and the tokenizer",
    "data.clip.latent_width": "derived from dataset.clip and the tokenizer",
    "data.clip.given_latent_frames": "derived from conditioning.given_frames and the tokenizer",
    "data.clip.tokens": "derived from dataset.clip, its views, the tokenizer and the patch size",
    "data.clip.views": "the first recording of the data set, and its file",
    "data.contract": "the file of the schema",
    "data.columns": "derived from the schema and conditioning.head",
    "data.numbers": "the first recording of the data set",
    "data.rates_hz": "the data set",
    "data.splits": "the splits that every source has",
    "data.decode.backends": "derived from dataset.decode, the codecs of the data and hardware",
    "data.decode.reason": "derived from dataset.decode, the codecs of the data and hardware",
    "train.accumulate": "derived from train.global_batch, train.micro_batch and hardware",
    "hardware.accelerator": "derived from hardware.gpus",
    "hardware.devices": "derived from hardware.gpus and hardware.processes",
    "fit": "derived from backbone, dataset.clip, train and hardware",
    "fit.time.cost": "derived from fit.time.gpu_hours and fit.time.prices",
    "fit.time.currency": "the file fit.time.prices",
    "fit.time.prices": "prices.yaml of the working directory, of this person, or of the package",
    "notes": "derived",
}

IN_DATASET = {"name": "dataset", "bindings": "columns", "held_out": "splits"}
"""Blocks of the plan's `data` that the data set's file calls by another name."""

OF_OBJECTIVE = "derived from backbone.objective"

FASTEST = "derived: the fastest that fits"

UNLESS_GIVEN = {
    "backbone.objective.shift": ("train.shift", ""),
    "backbone.objective.settings.z_loss": ("train.z_loss", ""),
    "backbone.objective.settings.corruption": ("train.corruption", ""),
    "backbone.weights": ("backbone.weights", ""),
    "backbone.refit": ("backbone.tokenizer", ""),
    "data.clip.fewest_given_frames": ("conditioning.fewest_given_frames", "derived from conditioning.given_frames"),
    "data.clip.stride": ("dataset.clip.stride", "derived from dataset.clip.frames: clips do not overlap"),
    "conditioning.enters": ("conditioning.enters", "derived from conditioning.head"),
    "conditioning.dropout": ("conditioning.dropout", "derived from conditioning.head"),
    "conditioning.attention": ("conditioning.attention", "derived from conditioning.head"),
    "conditioning.layout": ("conditioning.layout", "derived from conditioning.head and backbone"),
    "train.micro_batch": ("train.micro_batch", FASTEST),
    **{f"hardware.{key}": (f"hardware.{key}", FASTEST) for key in PINS},
    "hardware.compile": ("hardware.compile", ""),
    "train.checkpoint_every": ("train.checkpoint_every", "derived from train.steps and evaluate.every"),
    "evaluate.samples": ("evaluate.samples", "derived from evaluate.clips"),
    "evaluate.temperature": ("evaluate.temperature", OF_OBJECTIVE),
    "evaluate.top_p": ("evaluate.top_p", OF_OBJECTIVE),
    "evaluate.top_k": ("evaluate.top_k", OF_OBJECTIVE),
}
"""Paths that a key of the recipe says if it is given; otherwise the text holds, or what stands around the path."""


def origins(document: Mapping[str, Any], resolved: Resolved) -> dict[str, str]:
    """Return the origin of every value of a plan's document, by dotted path."""
    return {path: _origin(path, resolved) for path in leaves(document)}


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted path of every value that is not a block with something in it, and of those in `WHOLE`."""
    for key, value in node.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value and path not in WHOLE:
            yield from leaves(value, f"{path}.")
        else:
            yield path


def _origin(path: str, resolved: Resolved) -> str:
    loaded = resolved.loaded
    if path == "backbone.name":
        return said_at(loaded, "backbone.use" if "backbone.use" in loaded.origins else "backbone")
    if path.startswith("evaluate.") and path in ignored_settings(resolved.backbone.family):
        return OF_OBJECTIVE
    if path in UNLESS_GIVEN:
        key, otherwise = UNLESS_GIVEN[path]
        if key in loaded.origins:
            return said_at(loaded, key)
        if otherwise and _is_derived(path, resolved):
            return otherwise
    for block in _around(path):
        if block in DERIVED:
            return DERIVED[block]
        if block in FROM_RECIPE:
            return said_at(loaded, FROM_RECIPE[block] + path[len(block) :])
    if path.startswith("data."):
        return _of_dataset(path, resolved)
    return f"{ZOO_FILE.parent.name}/{ZOO_FILE.name} ({resolved.backbone.name})"


def _is_derived(path: str, resolved: Resolved) -> bool:
    """Two settings have plain defaults, which are only replaced where they could not hold."""
    recipe = resolved.loaded.recipe
    if path == "conditioning.dropout":
        return not resolved.head.controlled
    return path != "evaluate.samples" or recipe.evaluate.samples > recipe.evaluate.clips


def _around(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


def said_at(loaded: LoadedRecipe, key: str) -> str:
    """Return where the recipe says the value of a key, or `default`."""
    origin = loaded.origins.get(key)
    if origin is None:
        return "default"
    if origin.kind == "profile":
        return f"profile {origin.profile} ({_line(origin.place)})"
    return _line(origin.place)


def _line(place: Place) -> str:
    return f"{place.file}:{place.line}" if place.line else place.file


def _of_dataset(path: str, resolved: Resolved) -> str:
    """The data set's own file; the recipe where it is written inline; a folder of videos is all that its name says."""
    file = resolved.dataset.file
    block, _, setting = path.removeprefix("data.").partition(".")
    block = IN_DATASET.get(block, block)
    if isinstance(resolved.loaded.recipe.dataset.use, dict):
        return said_at(resolved.loaded, f"dataset.use.{block}{'.' * bool(setting)}{setting}")
    if resolved.dataset.path is None:
        return said_at(resolved.loaded, "dataset.use")
    fields = {field.alias or name for name, field in DatasetFile.model_fields.items() if name in file.model_fields_set}
    is_given = setting in (file.source or {}) if block == "source" else block in fields
    return resolved.dataset.path.as_posix() if is_given else "default"
