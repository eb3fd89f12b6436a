"""What is asked of a network's architecture, whichever its family, and the closed forms that it answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import PositiveInt

from cosmos_recipes.recipe.spec import Recompute

Triple = tuple[PositiveInt, PositiveInt, PositiveInt]
Shapes = tuple[tuple[int, int], ...]
"""The (input, output) widths of some matrices."""
Method = Literal["full", "lora"]
Precision = Literal["bf16", "fp32"]


def weights_in(shapes: Shapes) -> int:
    """Return the numbers in some matrices."""
    return sum(wide * high for wide, high in shapes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """The parameters of one block: the shapes of its matrices by what they are applied to, and numbers in vectors.

    Low-rank adapters go on all matrices but those that are applied once per clip.
    """

    per_token: Shapes
    per_text_token: Shapes
    per_clip: Shapes = ()
    vectors: int

    @property
    def matrices(self) -> int:
        """Numbers in all matrices."""
        return weights_in((*self.per_token, *self.per_text_token, *self.per_clip))

    @property
    def total(self) -> int:
        """All numbers."""
        return self.matrices + self.vectors

    def adapters(self, rank: int) -> int:
        """Return the numbers in low-rank adapters of the block."""
        return rank * sum(wide + high for wide, high in (*self.per_token, *self.per_text_token))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ends:
    """Numbers in the matrices outside the blocks that are multiplied with, by what they are applied to."""

    per_token: int
    per_text_token: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Bytes that backward needs of each token of video, and the part of them that tensor parallel shares out."""

    whole: int
    divided: int

    def each(self, tensor: int) -> int:
        """Return those of one process of a tensor group."""
        return self.whole - self.divided + self.divided // tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """Bytes that backward needs.

    `block` are those of one block per token of video, by what is recomputed, `block_text` per token of text, `adapters`
    those of a block per token and rank. Per token, `root` are those outside the blocks, and `deep` what the deepest point of
    a step holds besides what forward left: gradients, and what is recomputed of the block at hand. `text_number` are those
    outside the blocks per number of the text context, and `key` those of keys and values that are gathered from a process
    of a context group, per token.
    """

    block: Mapping[Recompute, Kept]
    block_text: int
    adapters: int
    root: int
    deep: Mapping[Recompute, Kept]
    text_number: int
    key: int


class Network(Protocol):
    """An architecture of either family. Sizes of three are (time, height, width) in latent cells."""

    @property
    def width(self) -> int:
        """Width of the hidden state."""

    @property
    def context_width(self) -> int:
        """Width of the text context that the network takes; 0 for a network without cross-attention."""

    @property
    def attention_width(self) -> int:
        """Width of the queries of all heads together."""

    @property
    def num_layers(self) -> int:
        """Number of blocks."""

    @property
    def num_attention_heads(self) -> int:
        """Heads of an attention."""

    @property
    def attention_head_dim(self) -> int:
        """Width of the queries of one head."""

    @property
    def patch_size(self) -> Triple:
        """Latent cells in a token."""

    @property
    def max_size(self) -> Triple | None:
        """The largest clip that there are positions for; None where there is no limit."""

    @property
    def causal(self) -> bool:
        """Whether tokens follow each other and see only those before them."""

    @property
    def can_begin(self) -> bool:
        """Whether it can predict a clip of which nothing is given."""

    @property
    def block(self) -> Block:
        """The parameters of one block."""

    @property
    def ends(self) -> Ends:
        """The matrices outside the blocks."""

    @property
    def parameters(self) -> int:
        """All trainable numbers."""

    @property
    def key_width(self) -> int:
        """Width of the keys, and of the values, of all heads together."""

    def saved(self, method: Method, precision: Precision, *, timed: bool = False) -> Saved:
        """Return what backward needs; `timed` says that each frame has a time of its own."""

    def takes_given_frames(self, channels: int) -> bool:
        """Return whether frames can be given to it, with a tokenizer of so many channels."""
