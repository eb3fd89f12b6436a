"""Everything random of a clip, from a generator of its own: a run on one device or many sees the same.

Legend: B batch, C channels, T latent frames, H height, W width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor


def generator(*key: int) -> torch.Generator:
    """Return a generator that depends on the whole key and on nothing else."""
    digest = hashlib.blake2b(",".join(map(str, key)).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


class Chance:
    """The generators of the clips of a batch. What is drawn depends on the draws before it, and on no other clip."""

    def __init__(self, keys: Iterable[Sequence[int]]) -> None:
        self._generators = [generator(*key) for key in keys]

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal numbers, (B, *shape)."""
        return self._drawn(lambda own: torch.randn(shape, generator=own))

    def uniform(self, *shape: int) -> Tensor:
        """Return numbers between 0 and 1, (B, *shape)."""
        return self._drawn(lambda own: torch.rand(shape, generator=own))

    def happens(self, share: float) -> Tensor:
        """Return whether what happens to a share of the clips happens to each, (B,)."""
        return self._drawn(lambda own: torch.rand((), generator=own)) < share

    def count(self, fewest: int, most: int, odds: Sequence[float] = ()) -> Tensor:
        """Return a number from `fewest` to `most` for each clip, (B,).

        `odds` says how often 0, 1, 2 ... are drawn; all are as likely where it allows none of them.
        """
        weights = torch.tensor([*odds, *[0.0] * (most + 1)][fewest : most + 1])
        if not weights.any():
            return self._drawn(lambda own: torch.randint(fewest, most + 1, (), generator=own))
        return fewest + self._drawn(lambda own: torch.multinomial(weights, 1, generator=own)[0])

    def _drawn(self, draw: Callable[[torch.Generator], Any]) -> Tensor:
        return torch.stack([draw(own) for own in self._generators])
