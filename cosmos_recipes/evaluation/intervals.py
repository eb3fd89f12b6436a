"""Intervals of the figures of whole videos: how much they would change with other held-out clips.

Legend: B clips, R bootstrap resamples.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from cosmos_recipes.evaluation.adherence import CONFIDENCE, RESAMPLES
from cosmos_recipes.evaluation.metrics import FrameErrors, psnr_db
from cosmos_recipes.evaluation.tasks.figures import Mean

Interval = tuple[float, float]


def intervals(frames: FrameErrors, *, seed: int) -> dict[str, Interval]:
    """Return the 95 % interval of each figure of `FrameErrors.summary` of the model, by a seeded bootstrap over clips."""
    ssim = Mean.of(frames.ssim_BT.double().mean(1).cpu().numpy(), seed=seed)
    found = {
        "psnr_db": _psnr_db(frames.error_BT, frames.values_BT, seed=seed),
        "psnr_moving_db": _psnr_db(frames.moving_error_BT, frames.moving_values_BT, seed=seed),
        "ssim": None if ssim.low is None or ssim.high is None else (ssim.low, ssim.high),
    }
    return {name: interval for name, interval in found.items() if interval}


def _psnr_db(squared_error_BT: Tensor, values_BT: Tensor, *, seed: int) -> Interval | None:
    """Return the interval of the PSNR of errors summed over clips; None where there is nothing to measure."""
    error_B, values_B = (sums.double().sum(1).cpu().numpy() for sums in (squared_error_BT, values_BT))
    drawn_RB = np.random.default_rng(seed).integers(len(error_B), size=(RESAMPLES, len(error_B)))
    error_R, values_R = error_B[drawn_RB].sum(1), values_B[drawn_RB].sum(1)
    if not (values_R > 0).any():
        return None
    found = [psnr_db(float(error / values)) for error, values in zip(error_R, values_R, strict=True) if values > 0]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(found, [tail, 1 - tail]).tolist()
    return low, high
