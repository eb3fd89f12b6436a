"""What a conditioning head is, to those that need not build one: its task, the columns it consumes, the families it fits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from torch import nn


OPTIONS = {"caption": "--prompt", "action": "--actions", "pose": "--camera", "trajectory": "--trajectory"}
"""The option of `cosmos-recipe sample` that says each column."""
Attention = Literal["full", "per-view"]
"""How the views of a clip see each other: all in one attention, or each by itself and others in an attention besides."""


class ContextShape(Protocol):
    """The text context that a network takes: `length` tokens of `width` numbers per clip, made by `encoder`."""

    @property
    def encoder(self) -> str:
        """Name of the text encoder."""

    @property
    def length(self) -> int:
        """Tokens per clip."""

    @property
    def width(self) -> int:
        """Numbers per token."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a head is built for: a network of this `family`, `width` and text context, and the data of its columns.

    Its blocks, so many, attend to a context of `context_width`, with so many `attention_heads`; it is 0 where they do not.
    A latent frame is a `grid` of tokens, and a token a `patch` of latent cells, both height by width. `temporal` are the
    frames of pixels that each latent frame after the first stands for, and a clip has so many `frames`, `rate_hz` of them
    in a second.

    `numbers` are those of a row of each column whose contract leaves that to the data, or how many points to come a clip
    has; `rates_hz` says how many of those there are in a second. A clip has these `views`, none where there is one without
    a name. With an `attention` of `per-view`, each view `sees` the others that are named for it. `enters` is the head's
    way in that was chosen.
    """

    text: ContextShape
    width: int
    context_width: int
    attention_heads: int
    blocks: int
    grid: tuple[int, int]
    patch: tuple[int, int]
    temporal: int
    frames: int
    numbers: Mapping[str, int]
    rate_hz: float = 1.0
    rates_hz: Mapping[str, float] = field(default_factory=dict)
    views: tuple[str, ...] = ()
    attention: Attention = "full"
    sees: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    enters: str | None = None
    family: str = "diffusion"

    @classmethod
    def of(
        cls, architecture: Mapping[str, Any], *, spatial: int, size_px: tuple[int, int], **others: Any
    ) -> Surroundings:
        """Return those that a network of this `architecture` makes, for pictures of `size_px` (height, width).

        A latent cell is `spatial` pixels on a side; the `others` are fields.
        """
        # A decoder takes a token from every latent cell, and its width is not that of its heads.
        _, high, wide = architecture.get("patch_size", (1, 1, 1))
        heads_width = architecture["num_attention_heads"] * architecture["attention_head_dim"]
        return cls(
            family="autoregressive" if "hidden_size" in architecture else "diffusion",
            width=architecture.get("hidden_size", heads_width),
            context_width=architecture["text_embed_dim"] or 0,
            attention_heads=architecture["num_attention_heads"],
            blocks=architecture["num_layers"],
            grid=(size_px[0] // spatial // high, size_px[1] // spatial // wide),
            patch=(high, wide),
            **others,
        )


class Head(ABC):
    """A conditioning head. Describing it costs nothing; `build` imports torch.

    The module that `build` returns has `collate(rows) -> Control` and `null(batch) -> Control`, where a Control is a
    dict of batch-first tensors, and `forward(control)`, which returns what enters the network: `encoder_hidden_states`,
    and what `backbones.places`, or for the autoregressive family `backbones.autoregressive.places`, names. It starts as a no-op: at step 0 the model's output equals the base's bit for bit.
    A tensor that says something of each token has `_BTHW` in its name, and may have fewer rows or columns than the picture:
    where processes split tokens, a head is asked about their own (a decoder's come as (B, S, 1, 1, ...), in the order of
    its slots).
    It may have `start_from(transformer)`, which is called once when it is new, and a part `text` that reads captions as
    the head `text` does.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    task: ClassVar[str]
    schema: ClassVar[str]
    families: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]]
    """The columns of the schema that are the control; none for a head without one."""
    optional_columns: ClassVar[tuple[str, ...]] = ()
    """Columns that are part of the control where a recording has them."""
    needs_context: ClassVar[bool] = True
    """Whether it speaks to the network through cross-attention, which not every network has."""
    of_views: ClassVar[bool] = False
    """Whether it tells the views of a clip apart; others take clips of one view."""
    with_time: ClassVar[tuple[str | None, ...]] = ()
    """The ways in that enter with the time of each latent frame, in a network that is told a time; None is the only one."""
    entries: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Where in the network of each family it can enter, the default first; a family is missing that has one way in."""

    @property
    def controlled(self) -> bool:
        """Whether there is a control, so that adherence to it can be measured."""
        return bool(self.columns or self.optional_columns)

    def takes(self, column: str) -> bool:
        """Return whether a column of the schema is part of the control, where a recording has it."""
        return column in self.columns or column in self.optional_columns

    def padding(self, text: ContextShape, temporal: int) -> Mapping[str, str]:
        """Return, of columns of the control, how they are cut or filled, in a sentence for the model card.

        A network takes this `text`, and `temporal` frames make a latent one.
        """
        return {}

    def entry(self, chosen: str | None, family: str) -> str | None:
        """Return the way in that was chosen, or the default one; None where there is one way in."""
        return chosen or next(iter(self.entries.get(family, ())), None)

    def parameters(self, around: Surroundings) -> int:
        """Return how many numbers of the head train, without building it."""
        return 0

    @abstractmethod
    def build(self, around: Surroundings) -> nn.Module:
        """Return the head's network."""


@cache
def heads() -> dict[str, Head]:
    """Return every installed head by name."""
    found = sorted(entry_points(group="cosmos_recipes.heads"), key=lambda entry: entry.name)
    return {entry.name: entry.load()() for entry in found}


def head(name: str) -> Head:
    """Return the head of that name; raises KeyError."""
    return heads()[name]


def head_names() -> tuple[str, ...]:
    """Return the names of all installed heads."""
    return tuple(heads())


def task_of(schema: str, head_name: str) -> str | None:
    """Return the post-training task that a schema and a head make together, None where they do not fit."""
    found = heads().get(head_name)
    return found.task if found and found.schema == schema else None
