"""PSNR and SSIM of predicted frames, against the truth and against repeating the last given frame.

PSNR is that of the squared error pooled over all clips, frames and colours, as torchmetrics pools it: a clip in which
nothing moves then cannot make it infinite, and differences in decibels are ratios of errors. Sums are whole numbers, so
the figure does not depend on how clips are batched or ordered. SSIM is the mean over pictures.

Views lie one after the other along T; the first frames of every one of them are given and do not count.

Legend: B batch, C colours, V views, T frames, H height, W width; video is uint8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from cosmos_recipes.evaluation.adherence import CONFIDENCE, RESAMPLES
from cosmos_recipes.evaluation.views import predicted_of
from cosmos_recipes.training.frames import apart, together

PEAK = 255
PSNR_CAP_DB = 100.0
"""PSNR of a perfect prediction, which would be infinite, and of any above it."""
LEAST_SQUARED_ERROR = PEAK**2 * 10 ** (-PSNR_CAP_DB / 10)
"""The mean squared error, in grey levels squared, at which PSNR reaches its cap."""
MOVING_GREY_LEVELS = 16
"""A pixel moves, in a frame, if a colour of the truth is further than this from the last given frame there."""


@dataclass(frozen=True, kw_only=True)
class FrameErrors:
    """What was measured of the predicted frames of B clips: int64 sums over the values of a frame, float64 SSIM.

    `values_BT` counts the values (pixels times colours) of a frame, of all views, `moving_values_BT` those of pixels
    that move.
    """

    values_BT: Tensor
    error_BT: Tensor
    copy_error_BT: Tensor
    moving_values_BT: Tensor
    moving_error_BT: Tensor
    moving_copy_error_BT: Tensor
    ssim_BT: Tensor
    copy_ssim_BT: Tensor

    @classmethod
    def of(cls, prediction_BCTHW: Tensor, truth_BCTHW: Tensor, *, given_frames: int, views: int = 1) -> FrameErrors:
        """Measure clips (given frames first in every view of both) on the frames that are not given."""
        copied = copy_last_given(truth_BCTHW, given_frames, views=views)
        predicted, copied, truth = (
            apart(video, views)[:, :, given_frames:] for video in (prediction_BCTHW, copied, truth_BCTHW)
        )
        error, copy_error = _squared_error(predicted, truth), _squared_error(copied, truth)
        moving_BCTHW = (copy_error.amax(1, keepdim=True) > MOVING_GREY_LEVELS**2).expand_as(copy_error)
        return cls(
            values_BT=_frame_sums(torch.ones_like(error), views),
            error_BT=_frame_sums(error, views),
            copy_error_BT=_frame_sums(copy_error, views),
            moving_values_BT=_frame_sums(moving_BCTHW, views),
            moving_error_BT=_frame_sums(error * moving_BCTHW, views),
            moving_copy_error_BT=_frame_sums(copy_error * moving_BCTHW, views),
            ssim_BT=_ssim(predicted, truth).unflatten(0, (-1, views)).mean(1),
            copy_ssim_BT=_ssim(copied, truth).unflatten(0, (-1, views)).mean(1),
        )

    @classmethod
    def cat(cls, parts: Sequence[FrameErrors]) -> FrameErrors:
        """Return the errors of all clips of `parts`, in order."""
        return cls(**{field.name: torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)})

    def summary(self) -> dict[str, float | None]:
        """Return the six frame metrics; those over moving pixels are None when nothing moves."""
        return {
            "psnr_db": pooled_psnr_db(self.error_BT, self.values_BT),
            "psnr_copy_db": pooled_psnr_db(self.copy_error_BT, self.values_BT),
            "ssim": _mean(self.ssim_BT),
            "ssim_copy": _mean(self.copy_ssim_BT),
            "psnr_moving_db": pooled_psnr_db(self.moving_error_BT, self.moving_values_BT),
            "psnr_moving_copy_db": pooled_psnr_db(self.moving_copy_error_BT, self.moving_values_BT),
        }

    def intervals(self, *, seed: int) -> dict[str, float | None]:
        """Return the ends of the 95 % intervals of `summary`, as NAME_low and NAME_high, by a seeded bootstrap over clips."""
        clips = len(self.values_BT)
        drawn_RB = torch.from_numpy(np.random.default_rng(seed).integers(clips, size=(RESAMPLES, clips)))
        drawn = [field_B[drawn_RB] for field_B in (getattr(self, each.name).double().sum(1) for each in fields(self))]
        sums = {each.name: field_RB.sum(1) for each, field_RB in zip(fields(self), drawn, strict=True)}
        pictures = clips * self.ssim_BT.shape[1]
        ends: dict[str, float | None] = {}
        for name, value in self.summary().items():
            above, below = _PARTS[name]
            ratio_R = sums[above] / (sums[below] if below else pictures)
            ends |= _ends(name, value, ratio_R)
        return ends

    def psnr_by_frame_db(self) -> list[tuple[float, float]]:
        """Return (prediction, copy) for each predicted frame, over all clips."""
        errors_T, copy_errors_T, values_T = (
            sums.sum(0).tolist() for sums in (self.error_BT, self.copy_error_BT, self.values_BT)
        )
        columns = zip(errors_T, copy_errors_T, values_T, strict=True)
        return [(psnr_db(error / values), psnr_db(copy / values)) for error, copy, values in columns]

    @property
    def moving_share(self) -> float:
        """Share of the pixels of predicted frames that move."""
        return int(self.moving_values_BT.sum()) / int(self.values_BT.sum())


_PARTS = {
    "psnr_db": ("error_BT", "values_BT"),
    "psnr_copy_db": ("copy_error_BT", "values_BT"),
    "ssim": ("ssim_BT", ""),
    "ssim_copy": ("copy_ssim_BT", ""),
    "psnr_moving_db": ("moving_error_BT", "moving_values_BT"),
    "psnr_moving_copy_db": ("moving_copy_error_BT", "moving_values_BT"),
}
"""What each figure is the ratio of, summed over clips; nothing for the number of pictures."""


def _ends(name: str, value: float | None, ratio_R: Tensor) -> dict[str, float | None]:
    """Return an interval that holds its value; None where nothing moves, or in every clip that was drawn."""
    known = ratio_R[ratio_R.isfinite()]
    if value is None or not len(known):
        return {f"{name}_low": None, f"{name}_high": None}
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known.numpy(), [tail, 1 - tail]).tolist()
    if name.startswith("psnr"):
        low, high = psnr_db(high), psnr_db(low)
    return {f"{name}_low": min(low, value), f"{name}_high": max(high, value)}


def copy_last_given(video_BCTHW: Tensor, given_frames: int, *, views: int = 1) -> Tensor:
    """Return the clips with every frame of a view after its given ones replaced by the last given one."""
    apart_NCTHW = apart(video_BCTHW, views)
    frames = torch.arange(apart_NCTHW.shape[2]).clamp_max(given_frames - 1)
    return together(apart_NCTHW[:, :, frames.to(video_BCTHW.device)], views)


def pooled_psnr_db(squared_error: Tensor, values: Tensor) -> float | None:
    """Return the PSNR of summed squared errors over counts of values, at most the cap; None if there are no values."""
    count = int(values.sum())
    if not count:
        return None
    return psnr_db(int(squared_error.sum()) / count)


def psnr_db(mean_squared_error: float) -> float:
    """Return the PSNR of a mean squared error in grey levels squared, at most the cap."""
    if mean_squared_error <= LEAST_SQUARED_ERROR:
        return PSNR_CAP_DB
    return 10 * math.log10(PEAK**2 / mean_squared_error)


def mean_squared_error_B(prediction_BCTHW: Tensor, truth_BCTHW: Tensor, *, given_frames: int, views: int = 1) -> Tensor:
    """Return the mean squared error of each clip's predicted frames in grey levels squared, float64."""
    error = _squared_error(*(predicted_of(video, given_frames, views) for video in (prediction_BCTHW, truth_BCTHW)))
    return error.flatten(1).sum(1).double().cpu() / error[0].numel()


def _squared_error(ours_BCTHW: Tensor, truth_BCTHW: Tensor) -> Tensor:
    return (ours_BCTHW.int() - truth_BCTHW.int()).square()


def _frame_sums(values_NCTHW: Tensor, views: int) -> Tensor:
    """Return the sums over the pixels of a frame (B, T), over those of all views."""
    sums_BVT: Tensor = values_NCTHW.sum((1, 3, 4), dtype=torch.int64).unflatten(0, (-1, views))
    return sums_BVT.sum(1).cpu()


def _mean(values: Tensor) -> float:
    """Return the mean, whatever the order of the values."""
    return math.fsum(values.flatten().tolist()) / values.numel()


def _ssim(ours_BCTHW: Tensor, truth_BCTHW: Tensor) -> Tensor:
    """Return the SSIM of each frame (B, T): Gaussian window of 11 pixels, or what a smaller picture has room for."""
    radius = min(5, (min(truth_BCTHW.shape[-2:]) - 1) // 2)
    # A clip at a time: the arithmetic of a picture must not depend on the size of the batch.
    clips = [
        structural_similarity_index_measure(
            ours.transpose(0, 1).float(),
            truth.transpose(0, 1).float(),
            # torchmetrics makes the window's radius from its deviation: int(3.5 * sigma + 0.5).
            sigma=(radius + 0.25) / 3.5,
            data_range=float(PEAK),
            reduction="none",
        )
        for ours, truth in zip(ours_BCTHW, truth_BCTHW, strict=True)
    ]
    return torch.cat([torch.as_tensor(clip).reshape(1, -1) for clip in clips]).double().cpu()
