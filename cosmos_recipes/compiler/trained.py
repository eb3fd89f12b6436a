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
from cosmos_recipes.backbones.weights import PARTS, PIPELINE_PARTS
from cosmos_recipes.backbones.zoo import Family as FamilyName
from cosmos_recipes.backbones.zoo import TextEntry
from cosmos_recipes.conditioning.base import Attention, heads
from cosmos_recipes.diagnostics import nearest
from cosmos_recipes.recipe.json_object import read_json_object, refuse
from cosmos_recipes.recipe.spec import Layout

CONFIG = "cosmos_recipe.json"
LARGEST_CONFIG_BYTES = 1_000_000
LARGEST_SIZE = 10_000_000
"""The largest width, count or number of codes of any network there is, and more."""
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
        refuse(file, _first(error), expected="what this version of cosmos-recipes writes of a model")
    if max(text.length, text.width) > LARGEST_CONFIG_BYTES:
        refuse(file, f"a text of {text.length} tokens of {text.width} numbers")
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
        RecipeError: a configuration says what no model can mean (CR161), or weights have no sound header (CR162).
    """
    # A recipe without such a folder is compiled without numpy.
    from cosmos_recipes.data.seen import read_seen

    if (folder / CONFIG).exists():
        read_config(folder)
        read_seen(folder)
    require_headers(folder)
    for part in _FOLDERS:
        count = require_headers(folder / part)
        for file in sorted((folder / part).glob("*.index.json")):
            _require_index(file)
        if (folder / part / "config.json").exists():
            # Every layer has weights of its own, unless they are elsewhere, under adapters.
            _require_possible(folder / part / "config.json", most_layers=count or MOST_LAYERS)


def _require_index(file: Path) -> None:
    """Refuse an index whose shards are not beside it."""
    shards = read_json_object(file).get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(each, str) for each in shards.values()):
        refuse(file, "no weight_map of tensor to file")
    for shard in sorted(set(shards.values())):
        if not _SHARD.fullmatch(shard):
            refuse(file, shard, expected="the names of safetensors files beside it")


def _require_possible(file: Path, *, most_layers: int) -> None:
    """Refuse a configuration with sizes that no network has, or one that asks for another library."""
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


def _first(error: Exception) -> str:
    """Return the first mistake in a line."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
