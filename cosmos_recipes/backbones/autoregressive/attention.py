"""Attention of the decoder: to earlier slots, to a context, and to a frame's own token.

Legend: B batch, H heads, S slots, K slots so far, L tokens of a context, T latent frames, D width, C width of the context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from cosmos_recipes.backbones.autoregressive.cut import SlotCut
from cosmos_recipes.backbones.autoregressive.rotary import rotate
from cosmos_recipes.backbones.peers import ALONE, Peers


@dataclass(kw_only=True)
class Cache:
    """Keys and values of the slots so far and of the context, for a block; room for all `slots` is taken at once."""

    slots: int
    filled: int = 0
    keys_BHKD: Tensor | None = None
    values_BHKD: Tensor | None = None
    context: tuple[Tensor, Tensor] | None = None

    def extended(self, keys_BHSD: Tensor, values_BHSD: Tensor) -> tuple[Tensor, Tensor]:
        """Add those of further slots; returns those of all slots so far."""
        if self.keys_BHKD is None or self.values_BHKD is None:
            batch, heads, _, width = keys_BHSD.shape
            self.keys_BHKD, self.values_BHKD = (keys_BHSD.new_empty(batch, heads, self.slots, width) for _ in range(2))
        first, self.filled = self.filled, self.filled + keys_BHSD.shape[2]
        self.keys_BHKD[:, :, first : self.filled] = keys_BHSD
        self.values_BHKD[:, :, first : self.filled] = values_BHSD
        return self.keys_BHKD[:, :, : self.filled], self.values_BHKD[:, :, : self.filled]


class Attention(nn.Module):
    """Grouped-query attention without biases; queries and keys may be normed in each head.

    `tensor` are the processes among which its heads are split.
    """

    tensor: Peers = ALONE

    def __init__(
        self, *, width: int, context_width: int, heads: int, kv_heads: int, head_width: int, norm_eps: float | None
    ) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_width = heads, kv_heads, head_width
        self.wq = nn.Linear(width, heads * head_width, bias=False)
        self.wk = nn.Linear(context_width, kv_heads * head_width, bias=False)
        self.wv = nn.Linear(context_width, kv_heads * head_width, bias=False)
        self.wo = nn.Linear(heads * head_width, width, bias=False)
        norms = [nn.Identity() if norm_eps is None else nn.RMSNorm(head_width, eps=norm_eps) for _ in range(2)]
        self.q_norm, self.k_norm = norms

    def to_earlier(
        self, hidden_BSD: Tensor, rotary: tuple[Tensor, Tensor], cache: Cache | None, cut: SlotCut | None = None
    ) -> Tensor:
        """Return what each slot attends to among itself and the slots before it, of which processes may each have a part."""
        hidden_BSD = self.tensor.copied(hidden_BSD)
        query = rotate(self._query(hidden_BSD), rotary)
        key, value = self._key_and_value(hidden_BSD)
        key = rotate(key, rotary)
        if cut is not None:
            return self._joined(cut.attended(query, key.type_as(query), value.type_as(query)))
        if cache is not None:
            key, value = cache.extended(key, value)
        slots, so_far = query.shape[2], key.shape[2]
        if slots == so_far:
            return self._attended(query, key, value, is_causal=True)
        return self._attended(query, key, value, attn_mask=_earlier(slots, so_far, query.device))

    def to_context(
        self, hidden_BSD: Tensor, context_BLC: Tensor, mask_SL: Tensor | None, cache: Cache | None
    ) -> Tensor:
        """Return what each slot attends to in a context, of which a mask may leave it a part."""
        hidden_BSD, context_BLC = self.tensor.copied(hidden_BSD), self.tensor.copied(context_BLC)
        key, value = (cache and cache.context) or self._key_and_value(context_BLC)
        if cache is not None:
            cache.context = key, value
        return self._attended(self._query(hidden_BSD), key, value, attn_mask=mask_SL)

    def to_own(self, token_BTC: Tensor) -> Tensor:
        """Return what a slot attends to that sees one token alone, for each token: attention to one has the weight 1."""
        value_BTHD = self.wv(self.tensor.copied(token_BTC)).unflatten(-1, (self.kv_heads, self.head_width))
        repeated = value_BTHD.repeat_interleave(self.heads // self.kv_heads, -2)
        attended: Tensor = self.wo(repeated.flatten(-2))
        return attended

    def _query(self, hidden_BSD: Tensor) -> Tensor:
        return _normed(self.q_norm, self._heads(self.wq(hidden_BSD), self.heads))

    def _key_and_value(self, context_BLC: Tensor) -> tuple[Tensor, Tensor]:
        key = _normed(self.k_norm, self._heads(self.wk(context_BLC), self.kv_heads))
        return key, self._heads(self.wv(context_BLC), self.kv_heads)

    def _heads(self, values_BSD: Tensor, heads: int) -> Tensor:
        heads_BHSD: Tensor = values_BSD.unflatten(-1, (heads, self.head_width))
        return heads_BHSD.transpose(1, 2)

    def _attended(self, query: Tensor, key: Tensor, value: Tensor, **how: Any) -> Tensor:
        grouped = self.heads != self.kv_heads
        attended_BHSD = scaled_dot_product_attention(
            query, key.type_as(query), value.type_as(query), enable_gqa=grouped, **how
        )
        return self._joined(attended_BHSD)

    def _joined(self, attended_BHSD: Tensor) -> Tensor:
        attended: Tensor = self.wo(attended_BHSD.transpose(1, 2).flatten(2))
        return attended


def _normed(norm: nn.Module, values_BHSD: Tensor) -> Tensor:
    """Return queries or keys normed in float32, whatever autocast made of them."""
    normed: Tensor = norm(values_BHSD.float())
    return normed.type_as(values_BHSD)


def _earlier(slots: int, so_far: int, device: torch.device) -> Tensor | None:
    """Return which of the slots so far the last few see; None for one, which sees all."""
    if slots == 1:
        return None
    return torch.ones(slots, so_far, dtype=torch.bool, device=device).tril(so_far - slots)
