"""The order of clips: a function of (seed, epoch) alone, so that any run can be continued and split over any devices."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class SampleOrder:
    """Which clips make up each global batch; every epoch is a new permutation, and batches run on across its end."""

    def __init__(self, ids: np.ndarray, *, global_batch: int, seed: int) -> None:
        self.ids, self.global_batch, self.seed = ids, global_batch, seed
        self._epoch = lru_cache(maxsize=2)(self._permutation)

    def batch(self, step: int) -> np.ndarray:
        """Return the ids of the global batch of a step, from 0."""
        import numpy as np

        first = step * self.global_batch
        positions = np.arange(first, first + self.global_batch)
        epochs, places = np.divmod(positions, len(self.ids))
        return np.array([self._epoch(int(e))[p] for e, p in zip(epochs, places, strict=True)], dtype=np.int64)

    def _permutation(self, epoch: int) -> np.ndarray:
        import numpy as np

        return np.random.default_rng([self.seed, epoch]).permutation(self.ids)
