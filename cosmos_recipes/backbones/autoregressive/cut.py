"""The slots of a sequence split over processes, and attention to earlier slots wherever they are.

A slot late in a sequence sees more than an early one. So a sequence is cut into twice as many chunks as there are
processes, and each takes one from both ends: all have the same work, as in Llama 3's training (arXiv 2407.21783, section
3.3.2), whose keys and values are gathered in the same way.
Legend: B batch, H heads, S own slots, K all slots, D width of a head, N chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention

from cosmos_recipes.backbones.peers import Peers


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotCut:
    """The chunks of a sequence, each of `length` slots, of which every process has two; the last ones may be empty."""

    peers: Peers
    length: int

    @classmethod
    def of(cls, slots: int, peers: Peers) -> SlotCut | None:
        """Return how a sequence of so many slots is split, None for a process that is alone."""
        return None if peers.size == 1 else cls(peers=peers, length=-(-slots // (2 * peers.size)))

    @property
    def own_S(self) -> Tensor:
        """Numbers of the own slots; those past the end of the sequence are there to fill up the last chunk."""
        return self._slots(self.peers.rank)

    def attended(self, query_BHSD: Tensor, key_BHSD: Tensor, value_BHSD: Tensor) -> Tensor:
        """Return what the own slots attend to, of the keys and values of all of them."""
        order_K = torch.cat([self._slots(rank) for rank in range(self.peers.size)]).argsort().to(query_BHSD.device)
        key, value = (self.peers.whole(each, 2).index_select(2, order_K) for each in (key_BHSD, value_BHSD))
        repeated = query_BHSD.shape[1] // key.shape[1]
        key, value = (each.repeat_interleave(repeated, 1) if repeated > 1 else each for each in (key, value))
        seen = [
            _to_earlier(own, key[:, :, : (chunk + 1) * self.length], value[:, :, : (chunk + 1) * self.length])
            for chunk, own in zip(self._chunks(self.peers.rank), query_BHSD.chunk(2, 2), strict=True)
        ]
        return torch.cat(seen, 2)

    def _chunks(self, rank: int) -> tuple[int, int]:
        return rank, 2 * self.peers.size - 1 - rank

    def _slots(self, rank: int) -> Tensor:
        return torch.cat([torch.arange(self.length) + chunk * self.length for chunk in self._chunks(rank)])


def _to_earlier(query_BHSD: Tensor, key_BHKD: Tensor, value_BHKD: Tensor) -> Tensor:
    """Return what the last slots attend to among themselves and those before them."""
    mask = causal_lower_right(query_BHSD.shape[2], key_BHKD.shape[2])
    return scaled_dot_product_attention(query_BHSD, key_BHKD, value_BHKD, attn_mask=mask)
