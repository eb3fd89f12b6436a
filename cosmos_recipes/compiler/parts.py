"""The parts of a trained model: what the configuration of each says, and whether all of them are of one model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError

from cosmos_recipes.backbones.architectures.autoregressive import DecoderArchitecture
from cosmos_recipes.backbones.architectures.diffusion import DiffusionArchitecture
from cosmos_recipes.backbones.objectives import objective_entry
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.recipe.json_object import first_mistake, refuse, refuse_together

if TYPE_CHECKING:
    from cosmos_recipes.compiler.trained import WorldModelConfig

DECODER = "Decoder"
"""The class that `transformer/config.json` of an autoregressive network names; every other one is of the diffusion family."""
Side = Annotated[int, Field(ge=1, le=1024)]
Architecture = DiffusionArchitecture | DecoderArchitecture
Disagreement = tuple[str, str, object]
"""Where it stands, what the other parts need there, and what stands there."""


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """What every tokenizer says in its `config.json`: the frames and the pixels on a side of a latent cell, and what is in one."""

    __pydantic_config__ = ConfigDict(extra="ignore", strict=True)

    tokenizer: Annotated[str, Field(max_length=200)]
    temporal: Side
    spatial: Side
    channels: PositiveInt | None = None
    codes: PositiveInt | None = None
    whitening: Annotated[float, Field(ge=0, le=1)] | None = None


_TOKENIZERS: TypeAdapter[TokenizerConfig] = TypeAdapter(TokenizerConfig)


def network_of(file: Path, said: Mapping[str, Any]) -> Architecture:
    """Return the network that a `config.json` describes.

    Raises:
        RecipeError: no network can have what it says (CR161).
    """
    kind = DecoderArchitecture if said.get("_class_name") == DECODER else DiffusionArchitecture
    known = {name: value for name, value in said.items() if name in kind.model_fields}
    try:
        # Strictly, since the file itself is what the network is built from: `true` is no size there.
        return kind.model_validate_json(json.dumps(known), strict=True)
    except ValidationError as error:
        refuse(file, first_mistake(error), expected="what a network of its family can have")


def tokenizer_of(file: Path, said: Mapping[str, Any]) -> TokenizerConfig:
    """Return what a tokenizer's `config.json` says.

    Raises:
        RecipeError: no tokenizer can have what it says (CR161).
    """
    try:
        return _TOKENIZERS.validate_json(json.dumps(said))
    except ValidationError as error:
        refuse(file, first_mistake(error), expected="what a tokenizer can have")


def require_one_model(file: Path, config: WorldModelConfig, network: Architecture, tokenizer: TokenizerConfig) -> None:
    """Refuse parts that each could be a model's and are not of one; `file` is that of `config`.

    Raises:
        RecipeError: they do not go together (CR164).
    """
    for key, expected, found in _disagreements(config, network, tokenizer):
        refuse_together(file, str(found), expected=f"{key}: {expected}")


def _disagreements(
    config: WorldModelConfig, network: Architecture, tokenizer: TokenizerConfig
) -> Iterator[Disagreement]:
    yield from _of_family(config, network)
    yield from _of_latents(network, tokenizer)
    if network.context_width != config.text["width"]:
        yield "text.width", f"{network.context_width}, which the network takes", config.text["width"]
    yield from _of_frames(config, tokenizer)
    yield from _of_pictures(config, network, tokenizer)
    unknown = {seen for own in (config.sees or {}).items() for seen in (own[0], *own[1])} - {*config.views}
    if unknown:
        yield "sees", f"views of the model: {', '.join(config.views) or 'it has none'}", ", ".join(sorted(unknown))


def _of_family(config: WorldModelConfig, network: Architecture) -> Iterator[Disagreement]:
    family = "autoregressive" if network.causal else "diffusion"
    if config.family != family:
        yield "family", f"{family}, which the network is of", config.family
    if objective_entry(config.objective).denoises == network.causal:
        yield "objective.name", f"one of the family {family}", config.objective.get("name")
    kind = head(config.head)
    if family not in kind.families:
        yield "head", f"one for the family {family}", config.head
    if config.enters and config.enters not in (ways := kind.entries.get(family, ())):
        yield "enters", f"a way into the network: {', '.join(ways) or 'null, there is only one'}", config.enters


def _of_latents(network: Architecture, tokenizer: TokenizerConfig) -> Iterator[Disagreement]:
    channels = tokenizer.channels
    if isinstance(network, DecoderArchitecture):
        if tokenizer.codes != network.vocabulary:
            yield "codes of tokenizer/config.json", f"{network.vocabulary}, the network's vocabulary", tokenizer.codes
    elif network.out_channels != channels or network.in_channels - channels not in (0, 1):
        takes = f"{network.out_channels}, with which the network takes {network.in_channels}"
        yield "channels of tokenizer/config.json", takes, channels


def _of_frames(config: WorldModelConfig, tokenizer: TokenizerConfig) -> Iterator[Disagreement]:
    frames, given, fewest = config.clip.get("frames"), config.given_frames, config.fewest_given_frames
    form = f"one more than a multiple of {tokenizer.temporal}, which the tokenizer takes"
    for key, count in (("clip.frames", frames), ("given_frames", given), ("fewest_given_frames", fewest)):
        if count and (count - 1) % tokenizer.temporal:
            yield key, form, count
    if frames is not None and given >= frames:
        yield "given_frames", f"less than the {frames} frames of a clip", given
    if fewest is not None and fewest > given:
        yield "fewest_given_frames", f"at most given_frames, {given}", fewest


def _of_pictures(config: WorldModelConfig, network: Architecture, tokenizer: TokenizerConfig) -> Iterator[Disagreement]:
    if not config.clip:
        return
    if lacking := {"frames", "height_px", "width_px"} - config.clip.keys():
        yield "clip", "frames, height_px and width_px", f"no {', '.join(sorted(lacking))}"
        return
    cell = (tokenizer.temporal, tokenizer.spatial, tokenizer.spatial)
    for axis, key in enumerate(("frames", "height_px", "width_px")):
        size, step = config.clip[key], cell[axis] * network.patch_size[axis]
        most = network.max_size[axis] if network.max_size else None
        if not size or (axis and size % step):
            yield f"clip.{key}", f"a multiple of {step}, which is what a token stands for", size
        elif most is not None and -(-size // cell[axis]) > most:
            yield f"clip.{key}", f"at most {most} latent cells, which the network has positions for", size
