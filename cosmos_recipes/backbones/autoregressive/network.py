"""A decoder of video tokens, after Cosmos Predict1's autoregressive models, with places for conditioning heads.

Legend: B batch, N blocks, S slots of a sequence, V views, T latent frames of all views, L tokens, D width, C context's width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.loaders.peft import PeftAdapterMixin
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from cosmos_recipes.backbones.autoregressive.attention import Attention, Cache
from cosmos_recipes.backbones.autoregressive.cut import SlotCut
from cosmos_recipes.backbones.autoregressive.places import FRAME, LAYERS, OWN_CONTEXT
from cosmos_recipes.backbones.autoregressive.rotary import absolute_positions, rotary_tables
from cosmos_recipes.backbones.autoregressive.sequence import TokenSequence, at_next
from cosmos_recipes.backbones.peers import ALONE, Peers
from cosmos_recipes.recipe.spec import Layout

CONTEXT = "encoder_hidden_states"
APART = 0.3
"""Share of a code's first embedding that is drawn at random."""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What blocks need to know of some slots, besides what these hold.

    `added_NBSD` enters at the input of each block; N and B may be 1. `own_BTC` are tokens of the context, each seen from
    the slots of its latent frame, `frame_S`. Of `context_BLC` a mask may leave each slot a part. `cut` says how processes
    split the slots, where they do.
    """

    cos_SD: Tensor
    sin_SD: Tensor
    frame_S: Tensor
    added_NBSD: Tensor | None = None
    own_BTC: Tensor | None = None
    context_BLC: Tensor | None = None
    mask_SL: Tensor | None = None
    cut: SlotCut | None = None

    def of(self, slots: slice) -> Around:
        """Return this of some slots alone."""
        return replace(
            self,
            cos_SD=self.cos_SD[slots],
            sin_SD=self.sin_SD[slots],
            frame_S=self.frame_S[slots],
            added_NBSD=None if self.added_NBSD is None else self.added_NBSD[:, :, slots],
            mask_SL=None if self.mask_SL is None else self.mask_SL[slots],
        )

    def added(self, block: int) -> Tensor | None:
        """Return what enters at the input of a block (B, S, D)."""
        if self.added_NBSD is None:
            return None
        return self.added_NBSD[min(block, len(self.added_NBSD) - 1)]


class Block(nn.Module):
    """Attention to earlier slots, attention to the context where there is one, and a gated feed-forward network."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, eps, context = config["hidden_size"], config["norm_eps"], config["text_embed_dim"]
        shape = {
            "width": width,
            "heads": config["num_attention_heads"],
            "kv_heads": config["num_key_value_heads"],
            "head_width": config["attention_head_dim"],
            "norm_eps": eps if config["qk_norm"] else None,
        }
        self.attention_norm, self.attention = nn.RMSNorm(width, eps=eps), Attention(**shape, context_width=width)
        self.has_context = context is not None
        if context is not None:
            self.cross_attention_norm = nn.RMSNorm(width, eps=eps)
            self.cross_attention = Attention(**shape, context_width=context)
        self.ffn_norm, self.feed_forward = nn.RMSNorm(width, eps=eps), FeedForward(width, config["intermediate_size"])

    def forward(self, hidden_BSD: Tensor, added_BSD: Tensor | None, around: Around, cache: Cache | None) -> Tensor:
        """Return the hidden state after the block."""
        if added_BSD is not None:
            hidden_BSD = hidden_BSD + added_BSD.type_as(hidden_BSD)
        hidden_BSD = hidden_BSD + self._earlier(self.attention_norm(hidden_BSD), around, cache)
        if self.has_context:
            hidden_BSD = hidden_BSD + self._attended(hidden_BSD, around, cache)
        out_BSD: Tensor = hidden_BSD + self.feed_forward(self.ffn_norm(hidden_BSD))
        return out_BSD

    def _earlier(self, normed_BSD: Tensor, around: Around, cache: Cache | None) -> Tensor:
        return self.attention.to_earlier(normed_BSD, (around.cos_SD, around.sin_SD), cache, around.cut)

    def _attended(self, hidden_BSD: Tensor, around: Around, cache: Cache | None) -> Tensor:
        attended_BSD = torch.zeros_like(hidden_BSD)
        if around.context_BLC is not None:
            normed_BSD = self.cross_attention_norm(hidden_BSD)
            attended_BSD = self.cross_attention.to_context(normed_BSD, around.context_BLC, around.mask_SL, cache)
        if around.own_BTC is not None:
            attended_BSD = attended_BSD + at_next(self.cross_attention.to_own(around.own_BTC), around.frame_S)
        return attended_BSD


class FeedForward(nn.Module):
    """SwiGLU (arXiv 2002.05202). `tensor` are the processes among which its inner width is split."""

    tensor: Peers = ALONE

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)
        self.w3 = nn.Linear(width, hidden, bias=False)

    def forward(self, hidden_BSD: Tensor) -> Tensor:
        """Return the same shape."""
        hidden_BSD = self.tensor.copied(hidden_BSD)
        out_BSD: Tensor = self.w2(nn.functional.silu(self.w1(hidden_BSD)) * self.w3(hidden_BSD))
        return out_BSD


class Decoder(ModelMixin, ConfigMixin, PeftAdapterMixin):
    """Predicts, from each slot of a sequence, the token that comes next in its segment.

    `context` are the processes among which the slots are split in training.
    """

    config_name: Any = "config.json"
    context: Peers = ALONE

    def __init__(
        self,
        *,
        hidden_size: int,
        num_layers: int,
        num_attention_heads: int,
        num_key_value_heads: int,
        attention_head_dim: int,
        intermediate_size: int,
        vocabulary: int,
        embedded_tokens: int,
        begin_token: int | None = None,
        text_embed_dim: int | None = None,
        qk_norm: bool = True,
        position: str | None = None,
        rope_theta: float = 500_000.0,
        rope_scaling: Mapping[str, Any] | None = None,
        norm_eps: float = 1e-5,
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        # diffusers has no types.
        untyped: Any = super()
        untyped.__init__()
        untyped.register_to_config(**arguments)
        self.tok_embeddings = nn.Embedding(embedded_tokens, hidden_size)
        self.transformer_blocks = nn.ModuleList(Block(self.config) for _ in range(num_layers))
        self.norm = nn.RMSNorm(hidden_size, eps=norm_eps)
        self.output = nn.Linear(hidden_size, vocabulary, bias=False)

    @torch.no_grad()
    def initialise(self) -> None:
        """Draw the weights: residual branches of variance 1 / (2 * layers), and no opinion on the next token."""
        scale = (2 * len(self.transformer_blocks)) ** -0.5
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
            if name.endswith(("wo.weight", "w2.weight")):
                parameter.mul_(scale)
        nn.init.normal_(self.tok_embeddings.weight)
        nn.init.zeros_(self.output.weight)

    @torch.no_grad()
    def liken(self, code_KD: Tensor) -> None:
        """Let codes begin as what they stand for: those that are alike are embedded alike, and predicted alike.

        That takes up three quarters of the width at most; what was drawn for each code tells it apart from those like it.
        """
        codes, size = code_KD.shape
        shared = min(size, 3 * self.tok_embeddings.embedding_dim // 4)
        alike_KD = (code_KD - code_KD.mean(0))[:, :shared]
        alike_KD = alike_KD / alike_KD.square().sum(1).mean().sqrt()
        embedding, output = self.tok_embeddings.weight, self.output.weight
        embedding[:codes] *= APART
        embedding[:codes, :shared] += alike_KD * embedding.shape[1] ** 0.5
        output[:codes, :shared] = nn.functional.normalize(alike_KD, dim=1) / 2

    @torch.no_grad()
    def recode(self, likest_KN: Tensor, weight_KN: Tensor) -> None:
        """Let each code be what the likest codes of before were, so much of each: in the embedding and in the output."""
        for matrix in (self.tok_embeddings.weight, self.output.weight):
            matrix[: len(likest_KN)] = (matrix[likest_KN] * weight_KN[..., None]).sum(1)

    def sequence(self, shape: tuple[int, int, int], *, views: int, layout: Layout | None) -> TokenSequence:
        """Return the order of the tokens of clips of so many views, each of `shape` (latent frames, height, width)."""
        begins = self._config.begin_token is not None
        return TokenSequence.of(shape, views=views, layout=layout or "time-major", begins=begins).to(self.device)

    def around(self, sequence: TokenSequence, entering: Mapping[str, Tensor]) -> Around:
        """Return what blocks need to know of the slots of a sequence, of what a head lets enter."""
        config, begins_S = self._config, sequence.begins_S
        cos_SD, sin_SD = rotary_tables(
            sequence.position_S3,
            begins_S,
            width=config.attention_head_dim,
            theta=config.rope_theta,
            scaling=config.rope_scaling,
        )
        context = entering.get(CONTEXT) if config.text_embed_dim else None
        mask_SL = None
        if context is not None and context.ndim == 4:
            views, length = context.shape[1:3]
            mask_SL = sequence.view_S[:, None] == torch.arange(views, device=begins_S.device).repeat_interleave(length)
            context = context.flatten(1, 2)
        return Around(
            cos_SD=cos_SD,
            sin_SD=sin_SD,
            frame_S=sequence.frame_S,
            added_NBSD=self._added(sequence, entering),
            own_BTC=entering.get(OWN_CONTEXT),
            context_BLC=context,
            mask_SL=mask_SL,
            cut=sequence.cut,
        )

    @property
    def _config(self) -> Any:
        # diffusers types it as a plain mapping.
        return self.config

    def _added(self, sequence: TokenSequence, entering: Mapping[str, Tensor]) -> Tensor | None:
        parts = []
        if self._config.position is not None:
            width = self._config.hidden_size
            parts.append(absolute_positions(sequence.position_S3, sequence.begins_S, width=width)[None, None])
        if FRAME in entering:
            parts.append(at_next(entering[FRAME], sequence.frame_S)[None])
        if LAYERS in entering:
            parts.append(at_next(entering[LAYERS], sequence.said_S))
        return sum(parts[1:], parts[0]) if parts else None

    def forward(self, held_BS: Tensor, around: Around, caches: Sequence[Cache] | None = None) -> Tensor:
        """Return logits of the next tokens (B, S, vocabulary) of slots that hold these tokens; caches go on with them."""
        hidden_BSD = self.tok_embeddings(held_BS)
        for number, block in enumerate(self.transformer_blocks):
            hidden_BSD = block(hidden_BSD, around.added(number), around, caches[number] if caches else None)
        logits_BSK: Tensor = self.output(self.norm(hidden_BSD))
        return logits_BSK


def build_decoder(architecture: dict[str, Any], *, seed: int) -> Any:
    """Return a freshly initialised network; `architecture` holds the constructor arguments of the class."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder = Decoder(**architecture)
        decoder.initialise()
    return decoder
