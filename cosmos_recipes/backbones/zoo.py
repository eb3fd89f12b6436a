"""The zoo: world foundation models to start from, as typed data.

Shipped ones are in `zoo.yaml` beside this file; a plug-in adds its own with an entry point of the group
`cosmos_recipes.backbones` that names a `pathlib.Path` to a file of the same form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from math import prod
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from cosmos_recipes.backbones.objectives import ObjectiveEntry, Part
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.spec import Name
from cosmos_recipes.recipe.validation import validate

ZOO_FILE = Path(__file__).with_name("zoo.yaml")
Triple = tuple[PositiveInt, PositiveInt, PositiveInt]


class Architecture(Part):
    """Constructor arguments of diffusers' `CosmosTransformer3DModel`; sizes are in latent cells (T, H, W).

    The defaults are what all of NVIDIA's diffusion models have in common.
    """

    in_channels: PositiveInt
    out_channels: PositiveInt = 16
    num_attention_heads: PositiveInt
    attention_head_dim: PositiveInt = 128
    num_layers: PositiveInt
    mlp_ratio: PositiveFloat = 4.0
    text_embed_dim: PositiveInt = 1024
    adaln_lora_dim: PositiveInt = 256
    max_size: Triple = (128, 240, 240)
    patch_size: Triple = (1, 2, 2)
    rope_scale: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    concat_padding_mask: bool = True
    extra_pos_embed_type: Literal["learnable"] | None = None
    use_crossattn_projection: bool = False
    crossattn_proj_in_channels: PositiveInt = 1024
    encoder_hidden_states_channels: PositiveInt = 1024

    @property
    def width(self) -> int:
        """Width of the hidden state."""
        return self.num_attention_heads * self.attention_head_dim

    @property
    def context_width(self) -> int:
        """Width of the text context that the network takes."""
        return self.crossattn_proj_in_channels if self.use_crossattn_projection else self.text_embed_dim


class TokenizerEntry(Part):
    """How pixels become latents. Frame 0 is a latent frame of its own; after it, `temporal` frames make one.

    `window` is the most latent frames that it knows the scale of; None for a tokenizer that scales all alike.
    """

    name: str
    temporal: PositiveInt
    spatial: PositiveInt
    channels: PositiveInt
    window: PositiveInt | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class TextEntry(Part):
    """What encodes captions, and the context (length, width) that comes out."""

    encoder: str
    length: PositiveInt
    width: PositiveInt
    settings: dict[str, Any] = Field(default_factory=dict)


class Limits(Part):
    """The largest clip that the network was made for, in tokens."""

    tokens: PositiveInt


class NativeClip(Part):
    """The clip that a network was trained on: frames, pixels as (height, width), frames per second.

    `given_latent_frames` are the numbers of them that were given in training.
    """

    frames: PositiveInt
    size: tuple[PositiveInt, PositiveInt]
    rate_hz: PositiveFloat
    given_latent_frames: tuple[NonNegativeInt, ...]


class ZooEntry(Part):
    """One backbone.

    `hub_id` and `revision` lead to a folder as diffusers' pipelines have it: transformer/, vae/, text_encoder/, tokenizer/.
    """

    name: str
    summary: str
    family: Literal["diffusion", "autoregressive"]
    architecture: Architecture
    tokenizer: TokenizerEntry
    text: TextEntry
    objective: ObjectiveEntry
    native: NativeClip
    limits: Limits
    hub_id: str | None
    revision: str | None
    weights: str | None = Field(description="Name of the weights that are shipped with the package.")
    licence: str
    methods: tuple[Literal["full", "lora"], ...]
    verified: str

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        network, channels = self.architecture, self.tokenizer.channels
        if network.in_channels not in (channels, channels + 1) or network.out_channels != channels:
            raise ValueError(
                f"in_channels = {channels + 1} (latents and mask) or {channels} (no frames can be given), and out_channels = {channels}"
            )
        if network.context_width != self.text.width:
            raise ValueError(f"a text width of {network.context_width}, which the network takes")
        if self.native_tokens > self.limits.tokens:
            raise ValueError(f"limits of at least the native clip, {self.native_tokens} tokens")
        return self

    @property
    def takes_given_frames(self) -> bool:
        """Whether a channel marks the frames that are given, as in Video2World; Text2World has none."""
        return self.architecture.in_channels > self.tokenizer.channels

    @property
    def native_tokens(self) -> int:
        """Tokens of the native clip."""
        time, high, wide = self.architecture.patch_size
        frames = 1 + (self.native.frames - 1) // self.tokenizer.temporal
        height, width = (side // self.tokenizer.spatial for side in self.native.size)
        return (frames // time) * (height // high) * (width // wide)

    @property
    def size_multiple(self) -> tuple[int, int]:
        """Height and width in pixels must be multiples of these."""
        _, high, wide = self.architecture.patch_size
        return self.tokenizer.spatial * high, self.tokenizer.spatial * wide

    @property
    def parameters(self) -> int:
        """Trainable numbers in the network, without the conditioning head."""
        return parameter_count(self.architecture)


def parameter_count(network: Architecture) -> int:
    """Return the number of parameters of the diffusers class for these arguments, in closed form."""
    width, patch = network.width, prod(network.patch_size)
    total = (network.in_channels + network.concat_padding_mask) * patch * width
    total += width * patch * network.out_channels
    total += 4 * width * width + width
    total += network.num_layers * block_parameters(network).total
    total += 3 * width * network.adaln_lora_dim
    if network.extra_pos_embed_type == "learnable":
        total += width * sum(size // step for size, step in zip(network.max_size, network.patch_size, strict=True))
    if network.use_crossattn_projection:
        total += (network.crossattn_proj_in_channels + 1) * network.encoder_hidden_states_channels
    return total


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockParameters:
    """Parameters of one block: matrices by what they are applied to, and vectors (norms of queries and keys)."""

    per_token: int
    per_text_token: int
    per_clip: int
    vectors: int

    @property
    def matrices(self) -> int:
        """All parameters that are matrices."""
        return self.per_token + self.per_text_token + self.per_clip

    @property
    def total(self) -> int:
        """All parameters."""
        return self.matrices + self.vectors


def block_parameters(network: Architecture) -> BlockParameters:
    """Return the parameters of one transformer block."""
    width = network.width
    feed_forward = 2 * width * int(width * network.mlp_ratio)
    return BlockParameters(
        per_token=4 * width * width + 2 * width * width + feed_forward,
        per_text_token=2 * width * network.text_embed_dim,
        per_clip=3 * 4 * width * network.adaln_lora_dim,
        vectors=4 * network.attention_head_dim,
    )


class ZooFile(Part):
    """A file of backbones, by name."""

    backbones: dict[Name, ZooEntry]

    @model_validator(mode="before")
    @classmethod
    def _name_entries(cls, tree: Any) -> Any:
        """Give each entry the name that it is listed under."""
        entries = tree.get("backbones") if isinstance(tree, dict) else None
        if not isinstance(entries, dict):
            return tree
        named = {name: {"name": name, **entry} if isinstance(entry, dict) else entry for name, entry in entries.items()}
        return {**tree, "backbones": named}


@cache
def zoo() -> dict[str, ZooEntry]:
    """Return every installed backbone by name; a shipped one wins over a plug-in's of the same name."""
    plugins = sorted(entry_points(group="cosmos_recipes.backbones"), key=lambda entry: entry.name)
    entries: dict[str, ZooEntry] = {}
    for file in (ZOO_FILE, *(entry.load() for entry in plugins)):
        entries = {**validate(ZooFile, read_located(file)).backbones, **entries}
    return entries


def video_sibling(entry: ZooEntry) -> str | None:
    """Return the name of the backbone that differs from this one in taking given frames."""
    wanted = entry.architecture.model_copy(update={"in_channels": entry.tokenizer.channels + 1})
    alike = (name for name, other in zoo().items() if (other.architecture, other.text) == (wanted, entry.text))
    return next(alike, None)


def backbone(name: str) -> ZooEntry:
    """Return the backbone of that name; raises KeyError."""
    return zoo()[name]


def backbone_names() -> tuple[str, ...]:
    """Return the names of all installed backbones."""
    return tuple(zoo())
