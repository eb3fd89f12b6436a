"""The diffusion family: diffusers' `CosmosTransformer3DModel`."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt

from cosmos_recipes.backbones.architectures.network import (
    Block,
    Ends,
    Kept,
    Method,
    Precision,
    Saved,
    Triple,
)
from cosmos_recipes.backbones.objectives import Part
from cosmos_recipes.recipe.spec import Recompute


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    """Bytes per token and unit of width: of a block whole and with its products kept, outside the blocks, at the deepest."""

    block: float
    selective: float
    root: float
    deep: tuple[float, float, float]


# Counted from what the allocator hands out in eager mode, with a feed-forward network of four times the width. Autocast
# keeps a copy of each activation in the precision that the operation wants. Weights that do not train need no inputs for
# their gradients.
_HELD: dict[tuple[Method, Precision], _Held] = {
    ("full", "bf16"): _Held(block=102, selective=26, root=11, deep=(10, 79, 106)),
    ("full", "fp32"): _Held(block=128, selective=52, root=13, deep=(10, 82, 134)),
    ("lora", "bf16"): _Held(block=72, selective=26, root=5, deep=(36, 84, 110)),
    ("lora", "fp32"): _Held(block=92, selective=52, root=5, deep=(32, 68, 121)),
}
# The same, of modulation by a time for each token besides.
_TIMED: dict[tuple[Method, Precision], _Held] = {
    ("full", "bf16"): _Held(block=31, selective=0.75, root=14, deep=(9, 33, 34)),
    ("full", "fp32"): _Held(block=61.5, selective=1.5, root=24, deep=(12, 59, 61)),
    ("lora", "bf16"): _Held(block=24, selective=0.75, root=12, deep=(8, 21, 22)),
    ("lora", "fp32"): _Held(block=48, selective=1.5, root=20, deep=(4, 34, 32)),
}
_NO_TIME = _Held(block=0, selective=0, root=0, deep=(0, 0, 0))
_DIVIDED = {"block": 0.6, "selective": 0.77}
_DIVIDED_DEEP = (0.0, 0.53, 0.66)
"""Shares of `_HELD` that lie within attention and feed-forward network, of which tensor parallel gives each process a part."""
MLP_PER_WIDTH: dict[Precision, tuple[int, int]] = {"bf16": (4, 2), "fp32": (8, 4)}
"""Bytes per token and unit of the feed-forward network's width, in a whole block and with its products kept."""
CONTEXT_PER_WIDTH = 18
"""Bytes per text token, unit of width and block: keys, their norm, values."""
ADAPTED_PER_TOKEN = 8
"""Adapters of a block that see every token: all but those on the keys and values of the text."""


class DiffusionArchitecture(Part):
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

    causal: ClassVar[bool] = False
    can_begin: ClassVar[bool] = True

    @property
    def width(self) -> int:
        """Width of the hidden state."""
        return self.num_attention_heads * self.attention_head_dim

    @property
    def attention_width(self) -> int:
        """Width of the queries of all heads together."""
        return self.width

    @property
    def context_width(self) -> int:
        """Width of the text context that the network takes."""
        return self.crossattn_proj_in_channels if self.use_crossattn_projection else self.text_embed_dim

    @property
    def mlp_width(self) -> int:
        """Width inside the feed-forward network."""
        return int(self.width * self.mlp_ratio)

    def takes_given_frames(self, channels: int) -> bool:
        """Return whether a channel marks the frames that are given, as in Video2World; Text2World has none."""
        return self.in_channels > channels

    @property
    def block(self) -> Block:
        """The parameters of one block."""
        width, rank = self.width, self.adaln_lora_dim
        feed_forward = ((width, self.mlp_width), (self.mlp_width, width))
        return Block(
            per_token=(((width, width),) * 6) + feed_forward,
            per_text_token=((self.text_embed_dim, width),) * 2,
            per_clip=((width, rank), (rank, 3 * width)) * 3,
            vectors=4 * self.attention_head_dim,
        )

    @property
    def ends(self) -> Ends:
        """The matrices outside the blocks."""
        projection = self.crossattn_proj_in_channels * self.encoder_hidden_states_channels
        channels = self.in_channels + self.concat_padding_mask + self.out_channels
        return Ends(
            per_token=channels * prod(self.patch_size) * self.width,
            per_text_token=projection * self.use_crossattn_projection,
        )

    @property
    def parameters(self) -> int:
        """All trainable numbers, in closed form."""
        width, ends = self.width, self.ends
        total = ends.per_token + ends.per_text_token + self.num_layers * self.block.total
        total += 4 * width * width + width + 3 * width * self.adaln_lora_dim
        if self.extra_pos_embed_type == "learnable":
            total += width * sum(size // step for size, step in zip(self.max_size, self.patch_size, strict=True))
        return total + self.encoder_hidden_states_channels * self.use_crossattn_projection

    @property
    def key_width(self) -> int:
        """Width of the keys, and of the values, of all heads together."""
        return self.width

    def saved(self, method: Method, precision: Precision, *, timed: bool = False) -> Saved:
        """Return what backward needs; `timed` says that each frame has a time of its own."""
        held, by_time = _HELD[method, precision], _TIMED[method, precision] if timed else _NO_TIME
        hidden, wider = (2 if precision == "bf16" else 4), self.mlp_ratio - 4
        mlp, mlp_product = MLP_PER_WIDTH[precision]
        recomputes: tuple[Recompute, ...] = ("none", "selective", "full")
        return Saved(
            block={
                "none": self._kept(held.block + mlp * wider, by_time.block, _DIVIDED["block"]),
                "selective": self._kept(
                    held.selective + mlp_product * wider, by_time.selective + hidden, _DIVIDED["selective"]
                ),
                "full": self._kept(0, hidden, 0),
            },
            block_text=CONTEXT_PER_WIDTH * self.width + 4 * self.text_embed_dim,
            adapters=ADAPTED_PER_TOKEN * hidden,
            root=int(self.width * (held.root + by_time.root)),
            deep={
                name: self._kept(held.deep[n], by_time.deep[n], _DIVIDED_DEEP[n]) for n, name in enumerate(recomputes)
            },
            text_number=4 + hidden,
            key=2 * hidden * self.key_width,
        )

    def _kept(self, per_width: float, undivided: float, share: float) -> Kept:
        return Kept(whole=int(self.width * (per_width + undivided)), divided=int(self.width * per_width * share))
