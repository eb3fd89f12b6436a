"""Pass 1: the names in a recipe become what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from cosmos_recipes.backbones.hub import commit_of
from cosmos_recipes.backbones.weights import SHIPPED, Weights, is_checkpoint
from cosmos_recipes.backbones.zoo import ZooEntry, zoo
from cosmos_recipes.compiler.gpus import GPUS, Gpu
from cosmos_recipes.compiler.trained import require_sound
from cosmos_recipes.conditioning.base import Head, heads
from cosmos_recipes.data.contract import Schema, load_schema
from cosmos_recipes.data.dataset import BoundDataset, Mixture, load_mixture
from cosmos_recipes.data.decode import Choice, choose_backends
from cosmos_recipes.data.decode.choice import SMALL_CODEC
from cosmos_recipes.data.sources import SourceDescription
from cosmos_recipes.data.sources.base import together
from cosmos_recipes.diagnostics import Problem, RecipeError, fail, nearest
from cosmos_recipes.recipe.library import find
from cosmos_recipes.recipe.load import LoadedRecipe
from cosmos_recipes.recipe.paths import path_in

Thing = TypeVar("Thing")


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """A recipe and everything that it names.

    `weights` is None where they are drawn at random, `gpu` is None on a CPU; `files` are those read besides the recipe's
    own. `views` are those of a clip, none where there is one without a name.
    """

    loaded: LoadedRecipe
    backbone: ZooEntry
    weights: Weights | None
    numbers: Mapping[str, int]
    views: tuple[str, ...]
    schema: Schema
    dataset: Mixture
    description: SourceDescription
    decode: Choice
    head: Head
    gpu: Gpu | None
    files: tuple[Path, ...]


def resolve(loaded: LoadedRecipe, *, ask_hub: bool = False) -> Resolved:
    """Return what the recipe's names stand for; a folder of videos is looked at, nothing is decoded.

    With `ask_hub`, the revision of a model on the Hub is pinned to its commit, if the Hub answers.

    Raises:
        RecipeError: every name that stands for nothing, located.
    """
    recipe, problems = loaded.recipe, list[Problem]()
    backbone = _try(problems, lambda: _named(loaded, *_said(loaded), zoo(), "CR220", "backbone"))
    weights = _try(problems, lambda: _weights(loaded, backbone, ask_hub)) if backbone else None
    head = _try(
        problems,
        lambda: _named(loaded, "conditioning.head", recipe.conditioning.head, heads(), "CR221", "conditioning head"),
    )
    has_gpu = recipe.hardware.gpu is not None
    gpu = (
        _try(problems, lambda: _named(loaded, "hardware.gpu", str(recipe.hardware.gpu), GPUS, "CR222", "kind of GPU"))
        if has_gpu
        else None
    )
    place = loaded.place_of("dataset.schema")
    schema = _try(problems, lambda: load_schema(recipe.dataset.schema_name, place=place))
    dataset = _try(problems, lambda: _dataset(loaded))
    described = _try(problems, lambda: _described(loaded, dataset)) if dataset else None
    bound = _try(problems, lambda: _bound(loaded, dataset, described)) if dataset and described else None
    description = together(described) if described else None
    decode = _try(problems, lambda: _decode(loaded, description)) if description else None
    if not (backbone and head and schema and dataset and description and decode and bound) or problems:
        raise RecipeError(*problems)
    paths = dict.fromkeys([dataset.path, *(each.path for each, _ in dataset.sets)])
    files = (find("schemas", recipe.dataset.schema_name), *(path for path in paths if path))
    return Resolved(
        loaded=loaded,
        backbone=backbone,
        weights=weights,
        numbers=bound.numbers,
        views=bound.views,
        schema=schema,
        dataset=dataset,
        description=description,
        decode=decode,
        head=head,
        gpu=gpu,
        files=files,
    )


def _try(problems: list[Problem], lookup: Callable[[], Thing]) -> Thing | None:
    """Return the result, or None after noting the problems that were raised."""
    try:
        return lookup()
    except RecipeError as error:
        problems.extend(error.problems)
        return None


def _said(loaded: LoadedRecipe) -> tuple[str, str]:
    """Return the key under which the recipe names its backbone, and the name."""
    return ("backbone" if isinstance(loaded.recipe.backbone, str) else "backbone.use"), loaded.recipe.start.use


def _weights(loaded: LoadedRecipe, backbone: ZooEntry, ask_hub: bool) -> Weights | None:
    """Return the model to start from: the backbone's own, or the one in the folder that the recipe names."""
    said = loaded.recipe.start.weights
    if said == "none":
        return None
    if said == "base":
        return _own_weights(backbone, ask_hub)
    key = "backbone.weights"
    weights = Weights(label=str(path_in(loaded.folder_of(key), said, place=loaded.place_of(key)).resolve()))
    if not weights.is_whole:
        fail(
            "CR223",
            f"there is no trained model in `{said}`",
            place=loaded.place_of(key),
            expected="`base`, `none`, a folder with cosmos_recipe.json, transformer/, tokenizer/ and head/, one with transformer/ and vae/, or one with model.pt",
            found=said,
            hint="name the `package` folder of a run, a folder in `published`, or a diffusers pipeline",
        )
    require_sound(weights.folder)
    return weights


def _own_weights(backbone: ZooEntry, ask_hub: bool) -> Weights | None:
    """Return a backbone's own weights: those that are shipped, or the Hub's."""
    if backbone.weights is not None:
        return Weights(label=SHIPPED + backbone.weights)
    if backbone.hub_id is None:
        return None
    revision, checkpoint = backbone.revision or "main", is_checkpoint(backbone.family)
    small = "config.json" if checkpoint else "transformer/config.json"
    commit = commit_of(backbone.hub_id, revision, file=small) if ask_hub else None
    return Weights.of_hub(backbone.hub_id, commit or revision, checkpoint=checkpoint)


def _named(loaded: LoadedRecipe, key: str, name: str, known: Mapping[str, Thing], code: str, noun: str) -> Thing:
    """Return what the name that the recipe gives for `key` stands for."""
    if name not in known:
        close = nearest(name, known)
        fail(
            code,
            f"there is no {noun} called `{name}`",
            place=loaded.place_of(key),
            expected=f"one of {', '.join(known)}",
            found=name,
            hint=f"did you mean `{close}`?" if close else "choose one of these",
        )
    return known[name]


def _dataset(loaded: LoadedRecipe) -> Mixture:
    key = "dataset.use"
    return load_mixture(loaded.recipe.dataset.use, relative_to=loaded.folders_of(key), place=loaded.place_of(key))


def _described(loaded: LoadedRecipe, dataset: Mixture) -> list[SourceDescription]:
    """Look at the source; what is wrong with it is told at the name of the data set, as no file of ours holds it."""
    use = loaded.recipe.dataset.use
    try:
        return [each.source.describe() for each, _ in dataset.sets]
    except RecipeError as error:
        place, said = loaded.place_of("dataset.use"), use if isinstance(use, str) else ""
        problems = [replace(each, place=place, found=each.found or said) for each in error.problems]
        raise RecipeError(*problems) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bound:
    """How many numbers a row of each column has, and the names of the views."""

    numbers: Mapping[str, int]
    views: tuple[str, ...]


def _bound(loaded: LoadedRecipe, mixture: Mixture, described: Sequence[SourceDescription]) -> _Bound:
    """Check that the first recording of each data set has what its columns and views are bound to."""
    problems: list[Problem] = []
    found: list[_Bound] = []
    for (dataset, _), description in zip(mixture.sets, described, strict=True):
        try:
            found.append(_bind_first(dataset, description))
        except RecipeError as error:
            place = dataset.columns_at or loaded.place_of("dataset.use")
            problems += [replace(each, place=place) for each in error.problems]
    if problems:
        raise RecipeError(*problems)
    _require_same_views(loaded, mixture, [each.views for each in found])
    return _Bound(numbers={name: n for each in found for name, n in each.numbers.items()}, views=found[0].views)


def _bind_first(dataset: BoundDataset, found: SourceDescription) -> _Bound:
    declaration = dataset.declaration
    own, numbers, theirs = declaration.schema.own_views, dict[str, int](), found.views
    if declaration.numbers:
        from cosmos_recipes.data.binding.bind import Binding

        binding = Binding(declaration)
        for recording in dataset.source.first(1):
            numbers, theirs = binding.numbers(binding.bind(recording)), tuple(recording.views)
    elif own is None and not theirs:
        theirs = next((tuple(recording.views) for recording in dataset.source.first(1)), ())
    views = declaration.choose_views(theirs, f"of the data set {dataset.file.name}") if theirs else {}
    return _Bound(numbers=numbers, views=() if own and len(own) == 1 else tuple(views))


def _require_same_views(loaded: LoadedRecipe, mixture: Mixture, views: Sequence[tuple[str, ...]]) -> None:
    """Refuse a mixture whose views have other names or another order: the model tells them by that (CR594)."""
    for (dataset, _), own in zip(mixture.sets, views, strict=True):
        if own != views[0]:
            fail(
                "CR594",
                f"the data set {dataset.file.name} of the mixture has other views than {mixture.sets[0][0].file.name}",
                place=loaded.place_of("dataset.use"),
                expected=", ".join(views[0]),
                found=", ".join(own),
                hint="name the same views, in the same order, under `views` in both files",
            )


def _decode(loaded: LoadedRecipe, description: SourceDescription) -> Choice:
    recipe = loaded.recipe
    place = loaded.place_of("dataset.decode")
    codecs = {SMALL_CODEC: description.recordings} if recipe.dataset.transcode else description.codecs
    return choose_backends(recipe.dataset.decode, codecs, gpu=recipe.hardware.gpus > 0, place=place)
