"""Figures of a task over all clips: on true video, under the true control, another one and none, with intervals.

Legend: B clips, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.evaluation.adherence import CONFIDENCE, RESAMPLES
from cosmos_recipes.evaluation.tasks.base import Quantity

FLIPS = 20_000
"""Random changes of sign that a p-value is estimated with; the least that it can be is one in so many."""

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mean:
    """A mean over the clips that have the number, with its 95 % interval; None where no clip has."""

    value: float | None
    low: float | None
    high: float | None
    clips: int

    @classmethod
    def of(cls, values_B: Values, *, seed: int) -> Mean:
        """Return the mean of numbers, those that are not NaN, with a seeded bootstrap interval over clips."""
        known_B = values_B[np.isfinite(values_B)]
        if not len(known_B):
            return cls(value=None, low=None, high=None, clips=0)
        value = float(known_B.mean())
        drawn_RB = np.random.default_rng(seed).integers(len(known_B), size=(RESAMPLES, len(known_B)))
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(known_B[drawn_RB].mean(1), [tail, 1 - tail]).tolist()
        return cls(value=value, low=min(low, value), high=max(high, value), clips=len(known_B))


@dataclass(frozen=True, kw_only=True)
class TaskFigure:
    """A quantity of all clips. `values_B` holds the clips' numbers by `floor`, `true`, `shuffled` and `none`.

    `p_shuffled` is how likely the clips would be at least as much better under their true control than under another
    one, if it did not matter which they get; None where that cannot be said.
    """

    quantity: Quantity
    values_B: Mapping[str, Values]
    means: Mapping[str, Mean]
    p_shuffled: float | None

    @classmethod
    def of(
        cls, quantity: Quantity, values_B: Mapping[str, Values], kept_B: NDArray[np.bool_], *, seed: int
    ) -> TaskFigure:
        """Return the figure; clips that are not `kept_B` have no other control to compare with."""
        values_B = {
            name: np.where(kept_B, each, np.nan) if name == "shuffled" else each for name, each in values_B.items()
        }
        worse_B = values_B["shuffled"] - values_B["true"] if "shuffled" in values_B else np.empty(0)
        return cls(
            quantity=quantity,
            values_B=values_B,
            means={name: Mean.of(each, seed=seed) for name, each in values_B.items()},
            p_shuffled=sign_flip_p(worse_B if quantity.less_is_better else -worse_B, seed=seed),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what metrics.json holds."""
        means = {name: asdict(mean) for name, mean in self.means.items()}
        return {
            "unit": self.quantity.unit or "1",
            "less_is_better": self.quantity.less_is_better,
            **means,
            "p_shuffled": self.p_shuffled,
        }


def sign_flip_p(worse_B: Values, *, seed: int) -> float | None:
    """Return the one-sided p-value of paired differences being above nought, by random changes of their signs.

    Differences that are NaN are left out; None if none remains. R. Fisher, The Design of Experiments, 1935, section 21.
    """
    known_B = worse_B[np.isfinite(worse_B)]
    if not len(known_B):
        return None
    signs_RB = np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), size=(FLIPS, len(known_B)))
    as_high = int((signs_RB @ known_B >= known_B.sum() - 1e-12 * np.abs(known_B).sum()).sum())
    return (1 + as_high) / (1 + FLIPS)
