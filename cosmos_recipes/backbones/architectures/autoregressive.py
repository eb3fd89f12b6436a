"""The autoregressive family: a Llama-style decoder of video tokens, `backbones.autoregressive.network.Decoder`."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

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

LOGIT = 4
"""Bytes per token and code that forward leaves: its log-probability in fp32."""
DEEPEST_LOGIT = 8
"""Bytes per token and code at the start of backward: the gradient in fp32 before and after the softmax."""
DEEP: dict[Recompute, float] = {"selective": 0.9, "full": 1.25}
"""What a block takes at its deepest, as a multiple of what it keeps where nothing is recomputed."""


class RopeScaling(Part):
    """YaRN, by which positions reach further than those of the first training."""

    original: Triple = Field(description="Latent cells (T, H, W) of the clips of the first training.")
    scale: PositiveFloat = Field(description="Factor between the lengths of both trainings.")
    beta_fast: PositiveFloat = Field(description="Rotations over the original length from which a frequency stays.")
    beta_slow: PositiveFloat = Field(description="Rotations up to which a frequency is divided by the scale.")


class DecoderArchitecture(Part):
    """Constructor arguments of `Decoder`. Every latent cell is a token.

    The defaults are what all of NVIDIA's autoregressive models have in common.
    """

    hidden_size: PositiveInt = Field(description="Width of the hidden state.")
    num_layers: PositiveInt = Field(description="Number of blocks.")
    num_attention_heads: PositiveInt = Field(description="Heads of the queries.")
    num_key_value_heads: PositiveInt = Field(8, description="Heads of the keys and values, shared by those of queries.")
    attention_head_dim: PositiveInt = Field(128, description="Width of a head.")
    intermediate_size: PositiveInt = Field(14336, description="Width inside the SwiGLU feed-forward network.")
    vocabulary: PositiveInt = Field(64000, description="Codes of the tokenizer, which are what is predicted.")
    embedded_tokens: PositiveInt = Field(description="Rows of the embedding: the codes, then special tokens.")
    begin_token: NonNegativeInt | None = Field(None, description="The token before a video; null for none.")
    text_embed_dim: PositiveInt | None = Field(
        None, description="Width of the context that every block attends to; null for no cross-attention."
    )
    qk_norm: bool = Field(True, description="Whether queries and keys are normalised.")
    position: Literal["sincos"] | None = Field(
        None, description="The absolute position that is added at the input of every block; null for none."
    )
    rope_theta: PositiveFloat = Field(500000.0, description="Base of the frequencies of the rotary positions.")
    rope_scaling: RopeScaling | None = Field(None, description="YaRN's scaling of the rotary positions; null for none.")
    norm_eps: PositiveFloat = Field(1e-5, description="What is added to the mean square before its root is taken.")

    causal: ClassVar[bool] = True
    patch_size: ClassVar[Triple] = (1, 1, 1)
    max_size: ClassVar[Triple | None] = None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"a num_key_value_heads that divides {self.num_attention_heads}, the number of attention heads"
            )
        if self.embedded_tokens < self.vocabulary:
            raise ValueError(f"embedded_tokens of at least the vocabulary, {self.vocabulary}")
        special = range(self.vocabulary, self.embedded_tokens)
        if self.begin_token is not None and self.begin_token not in special:
            raise ValueError(f"a begin_token from {self.vocabulary} to {self.embedded_tokens - 1}, which is no code")
        return self

    @property
    def width(self) -> int:
        """Width of the hidden state."""
        return self.hidden_size

    @property
    def attention_width(self) -> int:
        """Width of the queries of all heads together."""
        return self.num_attention_heads * self.attention_head_dim

    @property
    def key_width(self) -> int:
        """Width of the keys, and of the values, of all heads together."""
        return self.num_key_value_heads * self.attention_head_dim

    @property
    def context_width(self) -> int:
        """Width of the text context that the network takes; 0 for a network without cross-attention."""
        return self.text_embed_dim or 0

    @property
    def can_begin(self) -> bool:
        """Whether it can predict a clip of which nothing is given: the first token follows one that begins."""
        return self.begin_token is not None

    def takes_given_frames(self, channels: int) -> bool:
        """Return that frames can be given: they are the first tokens."""
        return True

    @property
    def block(self) -> Block:
        """The parameters of one block."""
        width, queries, keys = self.width, self.attention_width, self.key_width
        around = ((width, queries), (queries, width))
        feed_forward = ((width, self.intermediate_size),) * 2 + ((self.intermediate_size, width),)
        attentions = 1 if self.text_embed_dim is None else 2
        return Block(
            per_token=around * attentions + ((width, keys),) * 2 + feed_forward,
            per_text_token=() if self.text_embed_dim is None else ((self.text_embed_dim, keys),) * 2,
            vectors=(attentions + 1) * width + attentions * self.qk_norm * 2 * self.attention_head_dim,
        )

    @property
    def ends(self) -> Ends:
        """The matrix after the blocks; that before them is looked up in."""
        return Ends(per_token=self.width * self.vocabulary)

    @property
    def parameters(self) -> int:
        """All trainable numbers, in closed form."""
        embedding, norm = self.embedded_tokens * self.width, self.width
        return embedding + self.num_layers * self.block.total + norm + self.ends.per_token

    def saved(self, method: Method, precision: Precision, *, timed: bool = False) -> Saved:
        """Return what backward needs: with adapters no more than if all weights train, and there are no times.

        Norms keep their input and what they make of it in fp32, matrices their input, attention its queries, keys, values
        and result, and SwiGLU its halves, the activated one and their product. Autocast keeps a copy for each matrix. With
        products kept those are what comes out of matrices and attention.
        """
        number, norm = (2, 8) if precision == "bf16" else (4, 8)
        one, two, three = ((norm + number * (n if precision == "bf16" else 1)) * self.width for n in (1, 2, 3))
        queries = (norm * self.qk_norm + 3 * number) * self.attention_width
        keys = (norm * self.qk_norm + 2 * number) * self.key_width
        across = self.text_embed_dim is not None
        divided = queries * (1 + across) + keys + 4 * number * self.intermediate_size
        block = Kept(whole=three + two + across * one + divided, divided=divided)
        root = one + LOGIT * self.vocabulary
        return Saved(
            block={"none": block, "selective": self._products(number), "full": Kept(whole=4 * self.width, divided=0)},
            block_text=keys + 4 * (precision == "bf16") * self.context_width,
            adapters=8 * number,
            root=root,
            deep={"none": self._deep(0), **{each: self._deep(DEEP[each] * block.whole - root) for each in DEEP}},
            text_number=4,
            key=2 * number * self.key_width,
        )

    def _products(self, number: int) -> Kept:
        """Return the hidden state, and what comes out of the matrices and attentions of a block."""
        attentions = 1 if self.text_embed_dim is None else 2
        divided = 2 * attentions * self.attention_width + 2 * self.key_width + 2 * self.intermediate_size
        whole = 4 * self.width + number * ((attentions + 1) * self.width + divided)
        return Kept(whole=whole, divided=number * divided)

    def _deep(self, of_a_block: float) -> Kept:
        return Kept(whole=max(DEEPEST_LOGIT * self.vocabulary, int(of_a_block)), divided=0)
