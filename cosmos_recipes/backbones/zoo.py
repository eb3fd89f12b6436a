"""The zoo: world foundation models to start from, as typed data.

Shipped ones are in `zoo.yaml` beside this file; a plug-in adds its own with an entry point of the group
`cosmos_recipes.backbones` that names a `pathlib.Path` to a file of the same form.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, Self, get_args

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from cosmos_recipes.backbones.architectures.autoregressive import DecoderArchitecture
from cosmos_recipes.backbones.architectures.diffusion import DiffusionArchitecture
from cosmos_recipes.backbones.names import zoo_files
from cosmos_recipes.backbones.objectives import DenoisingEntry, NextTokenEntry, ObjectiveEntry, Part
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.recipe.places import Located
from cosmos_recipes.recipe.spec import Name
from cosmos_recipes.recipe.validation import validate, validate_located

Family = Literal["diffusion", "autoregressive"]
FAMILIES: tuple[Family, ...] = get_args(Family)


class TokenizerEntry(Part):
    """How pixels become latents. Frame 0 is a latent frame of its own; after it, `temporal` frames make one.

    `window` is the most latent frames that it knows the scale of; None for a tokenizer that scales all alike. One that
    `refits` can be fitted to a data set under weights that were trained with another fit.
    """

    name: str
    temporal: PositiveInt
    spatial: PositiveInt
    channels: PositiveInt
    window: PositiveInt | None = None
    refits: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)


class TextEntry(Part):
    """What encodes captions, and the context (length, width) that comes out; 0 by 0 for a network that takes none."""

    encoder: str
    length: NonNegativeInt
    width: NonNegativeInt
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
    family: Family
    architecture: DiffusionArchitecture | DecoderArchitecture
    tokenizer: TokenizerEntry
    text: TextEntry = Field(TextEntry(encoder="none", length=0, width=0), description="None for a network without.")
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
        width = self.architecture.context_width
        if width != self.text.width:
            said = (
                f"a text width of {width}, which the network takes" if width else "no `text`, which the network lacks"
            )
            raise ValueError(said)
        if self.native_tokens > self.limits.tokens:
            raise ValueError(f"limits of at least the native clip, {self.native_tokens} tokens")
        return self

    @property
    def takes_given_frames(self) -> bool:
        """Whether frames can be given, as to Video2World; Text2World has no channel that marks them."""
        return self.architecture.takes_given_frames(self.tokenizer.channels)

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
        return self.architecture.parameters


class DiffusionEntry(ZooEntry):
    """A backbone that removes noise."""

    family: Literal["diffusion"]
    architecture: DiffusionArchitecture
    objective: DenoisingEntry

    @model_validator(mode="after")
    def _latents_fit(self) -> Self:
        network, channels = self.architecture, self.tokenizer.channels
        if network.in_channels not in (channels, channels + 1) or network.out_channels != channels:
            raise ValueError(
                f"in_channels = {channels + 1} (latents and mask) or {channels} (no frames can be given), and out_channels = {channels}"
            )
        return self


class AutoregressiveEntry(ZooEntry):
    """A backbone that predicts the next token; its tokenizer's settings say how many `codes` there are."""

    family: Literal["autoregressive"]
    architecture: DecoderArchitecture
    objective: NextTokenEntry

    @model_validator(mode="after")
    def _codes_fit(self) -> Self:
        codes = self.tokenizer.settings.get("codes")
        if self.tokenizer.channels != 1 or codes != self.architecture.vocabulary:
            raise ValueError(
                f"a tokenizer of 1 channel with `settings: {{codes: {self.architecture.vocabulary}}}`, the vocabulary of the network"
            )
        return self


class ZooFile(Part):
    """A file of backbones, by name."""

    backbones: dict[Name, dict[str, Any]]


ENTRIES: dict[str, type[ZooEntry]] = {"diffusion": DiffusionEntry, "autoregressive": AutoregressiveEntry}


def read_zoo(file: Located) -> dict[str, ZooEntry]:
    """Return the backbones of a file by name; the family of each says what it may hold.

    Raises:
        RecipeError: every mistake in the file.
    """
    entries, problems = dict[str, ZooEntry](), list[Problem]()
    for name, entry in validate(ZooFile, file).backbones.items():
        model = ENTRIES.get(str(entry.get("family")), ZooEntry)
        try:
            entries[name] = validate_located(model, file, path=("backbones", name), extra={"name": name})
        except RecipeError as error:
            problems += error.problems
    if problems:
        raise RecipeError(*problems)
    return entries


@cache
def zoo() -> dict[str, ZooEntry]:
    """Return every installed backbone by name; a shipped one wins over a plug-in's of the same name."""
    entries: dict[str, ZooEntry] = {}
    for file in zoo_files():
        entries = {**read_zoo(file), **entries}
    return entries


def video_sibling(entry: ZooEntry) -> str | None:
    """Return the name of the backbone that differs from this one in taking given frames."""
    wanted = entry.architecture.model_copy(update={"in_channels": entry.tokenizer.channels + 1})
    alike = (name for name, other in zoo().items() if (other.architecture, other.text) == (wanted, entry.text))
    return next(alike, None)


def context_sibling(entry: ZooEntry) -> str | None:
    """Return the name of the backbone that has the same trunk as this one and cross-attention besides."""
    trunk = (entry.family, entry.architecture.width, entry.architecture.num_layers)
    with_context = (other for other in zoo().values() if other.architecture.context_width)
    alike = (o.name for o in with_context if (o.family, o.architecture.width, o.architecture.num_layers) == trunk)
    return next(alike, None)


def backbone(name: str) -> ZooEntry:
    """Return the backbone of that name; raises KeyError."""
    return zoo()[name]
