"""The diffusion family: diffusers' `CosmosTransformer3DModel`."""

from __future__ import annotations

from math import prod
from typing import ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt

from cosmos_recipes.backbones.architectures.network import Block, Ends, Method, Precision, Saved, Triple
from cosmos_recipes.backbones.objectives import Part

# Bytes per token and unit of width in a block, per unit of its MLP, and outside the blocks; of the hidden state.
# Counted from what autograd saves in eager mode, where autocast keeps a copy of each activation in the precision that the
# operation wants. Weights that do not train need no inputs for their gradients.
SAVED: dict[tuple[Method, Precision], tuple[int, int, int, int]] = {
    ("full", "bf16"): (84, 4, 12, 2),
    ("full", "fp32"): (97, 8, 17, 4),
    ("lora", "bf16"): (63, 4, 5, 2),
    ("lora", "fp32"): (60, 8, 3, 4),
}
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

    def saved(self, method: Method, precision: Precision) -> Saved:
        """Return what backward needs."""
        block, mlp, root, hidden = SAVED[method, precision]
        return Saved(
            block=int(self.width * (block + mlp * self.mlp_ratio)),
            block_text=CONTEXT_PER_WIDTH * self.width + 4 * self.text_embed_dim,
            adapters=ADAPTED_PER_TOKEN * hidden,
            hidden=hidden * self.width,
            root=root * self.width,
            text_number=4 + hidden,
        )
