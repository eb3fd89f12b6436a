"""Checks of what a network is asked for: weights of its own kind, a context for the head, nothing of the other family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from cosmos_recipes.backbones.objectives import NextTokenEntry, TokenSampling
from cosmos_recipes.backbones.zoo import Family, context_sibling
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.compiler.trained import TOKENIZER
from cosmos_recipes.conditioning.base import heads
from cosmos_recipes.diagnostics import Problem
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.recipe.json_object import read_json_object
from cosmos_recipes.recipe.load import LoadedRecipe

OF_FAMILY: dict[Family, tuple[str, ...]] = {
    "diffusion": ("train.shift", "evaluate.sampler_steps"),
    "autoregressive": (
        *("train.z_loss", "train.corruption"),
        *("evaluate.temperature", "evaluate.top_p", "evaluate.top_k"),
    ),
}
"""Settings of a recipe that act on noise, or on tokens."""
LAYERS = ("parent", "file", "profile", "command line")
"""Where a recipe's values come from, the later winning."""


def check_family(resolved: Resolved) -> Iterator[Problem]:
    """Yield the problems between the network and what is asked of it."""
    yield from _tokenizer(resolved)
    yield from _context(resolved)
    yield from _beginning(resolved)
    yield from _of_other_family(resolved)
    yield from _likeliest(resolved)


def check_weights(resolved: Resolved) -> Iterator[Problem]:
    """Yield whether the model to start from is another network than the backbone is."""
    if resolved.weights is None or resolved.weights.is_on_hub:
        return
    network, tokenizer = resolved.backbone.architecture, resolved.backbone.tokenizer
    required = {name for name, field in type(network).model_fields.items() if field.is_required()}
    differing = _differences(network.model_dump(mode="json"), resolved.weights.architecture(), required)
    if not differing and not resolved.weights.is_pipeline:
        sizes = tokenizer.model_dump(include={"temporal", "spatial"})
        ours = {"tokenizer": tokenizer.name, **sizes, **tokenizer.settings}
        differing = _differences(ours, read_json_object(resolved.weights.folder / TOKENIZER))
    if differing:
        yield Problem(
            code="CR304",
            message=f"the weights to start from are not those of a {resolved.backbone.name}",
            place=resolved.loaded.place_of("backbone.weights"),
            expected=", ".join(wanted for wanted, _ in differing),
            found=", ".join(found for _, found in differing),
            hint="name the backbone that the model was trained from",
        )


def _differences(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], required: Set[str] = frozenset()
) -> list[tuple[str, str]]:
    """Return up to three settings as they have to be, and as they are; what is not said differs only where it is required."""
    known = [name for name in ours if name in theirs or name in required]
    names = sorted(name for name in known if theirs.get(name) != ours[name])[:3]
    found = {name: f"{name} {theirs[name]}" if name in theirs else f"no {name}" for name in names}
    return [(f"{name} {ours[name]}", found[name]) for name in names]


def set_aside(resolved: Resolved) -> Iterator[str]:
    """Yield the settings of the other family that were said for another backbone, and are not used by this one."""
    backbone = _backbone_key(resolved.loaded)
    for key in _ignored(resolved):
        if _layer(resolved.loaded, key) < _layer(resolved.loaded, backbone):
            yield key


def _tokenizer(resolved: Resolved) -> Iterator[Problem]:
    """Whether codes can be fitted to the data under the weights to start from."""
    backbone, loaded = resolved.backbone, resolved.loaded
    if loaded.recipe.start.tokenizer == "base" or backbone.tokenizer.refits:
        return
    yield Problem(
        code="CR309",
        message=f"the video tokenizer of {backbone.name} cannot be fitted to the data set",
        place=loaded.place_of("backbone.tokenizer"),
        expected="`tokenizer: base`, the one that the weights were trained with",
        found="data",
        hint="remove `tokenizer`",
    )


def _context(resolved: Resolved) -> Iterator[Problem]:
    """Whether a head that speaks through cross-attention finds one."""
    head, backbone = resolved.head, resolved.backbone
    if not head.needs_context or backbone.architecture.context_width or backbone.family not in head.families:
        return
    others = [o.name for o in heads().values() if backbone.family in o.families and not o.needs_context]
    sibling = context_sibling(backbone)
    yield Problem(
        code="CR308",
        message=f"the head `{head.name}` speaks through cross-attention, which {backbone.name} does not have",
        place=resolved.loaded.place_of("conditioning.head"),
        expected=f"a backbone with cross-attention{f', or one of the heads {listed(others)}' if others else ''}",
        found=f"{head.name} with {backbone.name}",
        hint=f"use {sibling}, which is this network with cross-attention" if sibling else "use another backbone",
    )


def _beginning(resolved: Resolved) -> Iterator[Problem]:
    backbone, loaded = resolved.backbone, resolved.loaded
    if loaded.recipe.conditioning.fewest_given_frames == 0 and not backbone.architecture.can_begin:
        yield Problem(
            code="CR312",
            message=f"{backbone.name} cannot predict a clip of which nothing is given: no token comes before the first",
            place=loaded.place_of("conditioning.fewest_given_frames"),
            expected="at least 1 given frame",
            found="0",
            hint="draw from the first frame alone: `fewest_given_frames: 1`",
        )


def _of_other_family(resolved: Resolved) -> Iterator[Problem]:
    """Settings that would be ignored, unless whoever said them had another backbone in mind."""
    aside, backbone = set(set_aside(resolved)), resolved.backbone
    for key, value in _ignored(resolved).items():
        if key not in aside:
            yield Problem(
                code="CR340",
                message=f"`{key}` would be ignored: {backbone.name} {backbone.objective.does}",
                place=resolved.loaded.place_of(key),
                expected=f"no `{key}`, or a backbone of the family {_family(key)}",
                found=f"{value:g}",
                hint=f"remove `{key}`",
            )


def _likeliest(resolved: Resolved) -> Iterator[Problem]:
    """Settings of a draw where nothing is drawn."""
    sampling = token_sampling(resolved)
    if sampling is None or sampling.temperature > 0:
        return
    evaluate = resolved.loaded.recipe.evaluate
    for key, value in (("evaluate.top_p", evaluate.top_p), ("evaluate.top_k", evaluate.top_k)):
        if value is not None:
            yield Problem(
                code="CR342",
                message=f"`{key}` would be ignored: at temperature 0 the likeliest token is taken",
                place=resolved.loaded.place_of(key),
                expected=f"no `{key}`, or a temperature above 0",
                found=f"{value:g}",
                hint=f"remove `{key}`, or say another `evaluate.temperature`",
            )


def token_sampling(resolved: Resolved) -> TokenSampling | None:
    """Return how tokens are drawn: as the recipe says, or else the backbone; None for one that predicts none."""
    objective, evaluate = resolved.backbone.objective, resolved.loaded.recipe.evaluate
    if not isinstance(objective, NextTokenEntry):
        return None
    return objective.settings.sampling_as(evaluate)


def ignored_settings(family: Family) -> tuple[str, ...]:
    """Return the settings that act on what this family does not have."""
    return tuple(key for other, keys in OF_FAMILY.items() if other != family for key in keys)


def _family(key: str) -> Family:
    return next(family for family, keys in OF_FAMILY.items() if key in keys)


def _ignored(resolved: Resolved) -> dict[str, float]:
    """Return the settings of the other family that are said, and not as null."""
    recipe, origins = resolved.loaded.recipe, resolved.loaded.origins
    keys = (key for key in ignored_settings(resolved.backbone.family) if key in origins)
    values = {key: getattr(getattr(recipe, key.split(".")[0]), key.split(".")[1]) for key in keys}
    return {key: value for key, value in values.items() if value is not None}


def _layer(loaded: LoadedRecipe, key: str) -> tuple[int, int]:
    """Return how late a value was put on top of others: the kind of its origin, then how near its file is."""
    origin, files = loaded.origins[key], [str(path) for path in loaded.files]
    file = origin.place.file
    return LAYERS.index(origin.kind), -files.index(file) if file in files else 0


def _backbone_key(loaded: LoadedRecipe) -> str:
    return "backbone.use" if "backbone.use" in loaded.origins else "backbone"
