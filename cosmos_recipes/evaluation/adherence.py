"""Adherence: how much worse a model does with a wrong control, or with none, than with the true one.

The same noise and given frames are used for all three, so that a model which ignores its control has a ratio of exactly
1. A ratio is that of errors summed over clips; its interval is a percentile bootstrap over clips.

Two errors are used: the squared error of generated video over its predicted frames, and the training loss at fixed noise.
The first is what metrics.json holds and the gate asks for, as it is what people see; with the noise held the same it is
steady enough (for a model that ignores its captions, 32 clips of `factory` give 1.000, from 0.999 to 1.001).

Legend: B batch (clips), R bootstrap resamples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

RESAMPLES = 2000
CONFIDENCE = 0.95
_LEAST_ERROR = 1e-9

Errors = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """A ratio of errors with its 95 % interval; 1 means that the control is ignored."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, wrong_B: Tensor, true_B: Tensor, *, seed: int) -> Ratio:
        """Return sum(wrong) / sum(true) of errors per clip, with a seeded bootstrap interval over clips."""
        errors_2B = np.stack([wrong_B.double().cpu().numpy(), true_B.double().cpu().numpy()])
        clips = errors_2B.shape[1]
        drawn_RB = np.random.default_rng(seed).integers(clips, size=(RESAMPLES, clips))
        value = float(_divide(*errors_2B.mean(1)))
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(_divide(*errors_2B[:, drawn_RB].mean(2)), [tail, 1 - tail])
        # The estimate lies inside but for the last bit of rounding.
        return cls(value=value, low=min(float(low), value), high=max(float(high), value))


@dataclass(frozen=True, kw_only=True, slots=True)
class Adherence:
    """Error ratios of one kind of error: with another clip's control, and with none, over that with the true one."""

    shuffled: Ratio
    none: Ratio

    @classmethod
    def of(cls, errors_B: Mapping[str, Tensor], kept_B: Tensor, *, seed: int) -> Adherence:
        """Return the ratios of errors per clip under `true`, `shuffled` and `none`.

        `kept_B` is False for clips that have no other control to be shuffled with: they are left out of `shuffled`.
        """
        true_B = errors_B["true"]
        return cls(
            shuffled=Ratio.of(errors_B["shuffled"][kept_B], true_B[kept_B], seed=seed),
            none=Ratio.of(errors_B["none"], true_B, seed=seed),
        )


def _divide(wrong: Errors, true: Errors) -> Errors:
    """Return wrong / true; errors of nothing count as tiny ones, so that the ratio stays finite."""
    ratio: Errors = np.maximum(wrong, _LEAST_ERROR) / np.maximum(true, _LEAST_ERROR)
    return ratio
