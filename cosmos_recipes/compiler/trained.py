"""A trained model's folder: what its files say, looked at before anything is built of them, as a stranger may have written them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from cosmos_recipes.backbones.headers import require_headers
from cosmos_recipes.backbones.objectives import objective_entry
from cosmos_recipes.backbones.text import is_frozen
from cosmos_recipes.backbones.weights import PARTS, PIPELINE_PARTS
from cosmos_recipes.backbones.zoo import Family as FamilyName
from cosmos_recipes.backbones.zoo import TextEntry
from cosmos_recipes.compiler.parts import network_of, require_one_model, tokenizer_of
from cosmos_recipes.conditioning.base import Attention, heads
from cosmos_recipes.diagnostics import nearest
from cosmos_recipes.recipe.json_object import first_mistake, read_json_object, refuse
from cosmos_recipes.recipe.spec import Layout

CONFIG = "cosmos_recipe.json"
NETWORK, TOKENIZER = "transformer/config.json", "tokenizer/config.json"
LARGEST_CONFIG_BYTES = 1_000_000
LARGEST_SIZE = 10_000_000
"""The largest width, count or number of codes of any network there is, and more."""
TRAINED_TEXTS = ("bytes", "none")
"""What reads captions without an encoder that comes trained: a part of the head, or nothing."""
MOST_LAYERS = 1000
LONGEST_LIST = 10_000
_LAYERS = re.compile(r"layers|blocks|depth")
_COUNTS = re.compile(rf"{_LAYERS.pattern}|heads|dim|channels|size")
_SHARD = re.compile(r"[A-Za-z0-9][\w.-]*\.safetensors", re.ASCII)
_FOLDERS = tuple(dict.fromkeys((*PARTS, *PIPELINE_PARTS)))

Size = Annotated[int, Field(ge=0, le=16_384)]
Frames = Annotated[int, Field(ge=0, le=100_000)]
Rate = Annotated[float, Field(gt=0, le=10_000)]
Word = Annotated[str, Field(max_length=200)]


@dataclass(frozen=True, kw_only=True)
class WorldModelConfig:
    """What is needed, besides the weights, to run a world model: `cosmos_recipe.json` of a package.

    `base` says which weights the network's adapters are for, and their sha256; a network without adapters has none.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    head: Word
    text: dict[str, Any]
    objective: dict[str, Any]
    given_frames: Frames
    rate_hz: Rate
    fewest_given_frames: Frames | None = None
    dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    family: FamilyName = "diffusion"
    task: Word = "general"
    clip: dict[Word, Size] = field(default_factory=dict)
    numbers: dict[Word, Size] = field(default_factory=dict)
    rates_hz: dict[Word, Rate] = field(default_factory=dict)
    views: Annotated[tuple[Word, ...], Field(max_length=100)] = ()
    attention: Attention | None = None
    layout: Layout | None = None
    sees: dict[Word, tuple[Word, ...]] | None = None
    enters: Word | None = None
    base: dict[str, str | None] | None = None


_CONFIGS: TypeAdapter[WorldModelConfig] = TypeAdapter(WorldModelConfig)


def read_config(folder: Path) -> WorldModelConfig:
    """Return what a model's folder says of it.

    Raises:
        RecipeError: it says nothing, or what no model can mean (CR161).
    """
    file = folder / CONFIG
    said = read_json_object(file, largest_bytes=LARGEST_CONFIG_BYTES)
    try:
        config = _CONFIGS.validate_python(said)
        text = TextEntry(**config.text)
        objective_entry(config.objective)
    except (ValidationError, TypeError) as error:
        refuse(file, first_mistake(error), expected="what this version of cosmos-recipes writes of a model")
    if max(text.length, text.width) > LARGEST_CONFIG_BYTES:
        refuse(file, f"a text of {text.length} tokens of {text.width} numbers")
    if text.encoder not in TRAINED_TEXTS and not is_frozen(text.encoder):
        refuse(file, f"text.encoder: {text.encoder}", expected="the name of an installed text encoder")
    if config.head not in heads():
        close = nearest(config.head, heads())
        expected = f"the name of an installed head: {', '.join(heads())}"
        refuse(file, f"{config.head}{f', close to {close}' if close else ''}", expected=expected)
    if config.base is not None and not {"weights", "sha256"} <= config.base.keys():
        refuse(file, "a base without its weights and their sha256")
    return config


def require_sound(folder: Path) -> None:
    """Look at every file that a model is loaded from; no tensor is read, and nothing is built.

    Raises:
        RecipeError: a configuration says what no model can mean (CR161), weights have no sound header (CR162), or the
            configurations are not those of one model (CR164).
    """
    # A recipe without such a folder is compiled without numpy.
    from cosmos_recipes.data.seen import read_seen

    is_ours = (folder / CONFIG).exists()
    config = read_config(folder) if is_ours else None
    if is_ours:
        read_seen(folder)
    require_headers(folder)
    said = {part: found for part in _FOLDERS if (found := _require_part(folder / part)) is not None}
    network = network_of(folder / NETWORK, said["transformer"]) if "transformer" in said else None
    if config is not None and network is not None and "tokenizer" in said:
        require_one_model(folder / CONFIG, config, network, tokenizer_of(folder / TOKENIZER, said["tokenizer"]))


def _require_part(folder: Path) -> dict[str, Any] | None:
    """Look at the headers, the index and the configuration of a part; return the last, None where there is none."""
    count = require_headers(folder)
    for file in sorted(folder.glob("*.index.json")):
        _require_index(file)
    file = folder / "config.json"
    # Every layer has weights of its own, unless they are elsewhere, under adapters.
    return _possible(file, most_layers=count or MOST_LAYERS) if file.exists() else None


def _require_index(file: Path) -> None:
    """Refuse an index whose shards are not beside it."""
    shards = read_json_object(file).get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(each, str) for each in shards.values()):
        refuse(file, "no weight_map of tensor to file")
    for shard in sorted(set(shards.values())):
        if not _SHARD.fullmatch(shard):
            refuse(file, shard, expected="the names of safetensors files beside it")


def _possible(file: Path, *, most_layers: int) -> dict[str, Any]:
    """Return a configuration; one with sizes that no network has, or one that asks for another library, is refused."""
    said = read_json_object(file, largest_bytes=LARGEST_CONFIG_BYTES)
    if "quantization_config" in said:
        refuse(file, "quantization_config", expected="weights that are not quantised")
    for name, value in _values(said):
        most = min(most_layers, MOST_LAYERS) if _LAYERS.search(name) else LARGEST_SIZE
        least = 0 if _COUNTS.search(name) else -most
        if isinstance(value, list) and len(value) > LONGEST_LIST:
            refuse(file, f"{len(value):,} values of {name[:80]}", expected=f"at most {LONGEST_LIST:,}")
        if isinstance(value, int) and not least <= value <= most:
            refuse(file, f"{name[:80]}: {value}", expected=f"{least:,} to {most:,}")
    return said


def _values(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every value of a tree with the nearest key above it."""
    waiting: list[tuple[str, Any]] = list(tree.items())
    while waiting:
        name, value = waiting.pop()
        yield name, value
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += ((name, each) for each in value)
