"""Likeness to the true video in what it shows, not pixel by pixel: how it moves, and its latents."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cosmos_recipes.evaluation.estimators.flow import flow, motion_error_px
from cosmos_recipes.evaluation.tasks.base import Quantity, Row, TaskMetric, Video
from cosmos_recipes.training.frames import apart


class Motion(TaskMetric):
    """Dense optical flow of both videos; it needs no weights, and works for any task."""

    quantities = (
        Quantity(
            name="motion_px",
            label="Motion",
            unit="px",
            meaning="How far the optical flow from frame to frame is from that of the true video, mean over the pixels "
            "that move in either.",
        ),
    )
    compares = True

    def know(self, truth: Video, row: Row) -> NDArray[np.float32]:
        """See `TaskMetric.know`."""
        return _flow(truth)

    def measure(self, video: Video, known: NDArray[np.float32]) -> dict[str, float]:
        """See `TaskMetric.measure`."""
        return {"motion_px": motion_error_px(_flow(video), known)}


class LatentDistance(TaskMetric):
    """Root mean square distance of latents, by the model's own tokenizer (the Cosmos report's latent L2)."""

    quantities = (
        Quantity(
            name="latent_l2",
            label="Latent L2",
            unit="",
            meaning="Root mean square distance between the latents of the prediction and of the true video.",
            digits=3,
        ),
    )
    compares = True
    rank = 2

    def know(self, truth: Video, row: Row) -> Tensor:
        """See `TaskMetric.know`."""
        return _latents(truth)

    def measure(self, video: Video, known: Tensor) -> dict[str, float]:
        """See `TaskMetric.measure`."""
        return {"latent_l2": float((_latents(video) - known).square().mean().sqrt())}


def _flow(video: Video) -> NDArray[np.float32]:
    given = video.setting.given_frames
    return np.concatenate([flow(view_THW3[given - 1 :]) for view_THW3 in video.views])


def _latents(video: Video) -> Tensor:
    """Return the latents of the frames that are not given, of every view."""
    latent_BCTHW = video.setting.features(video.video_CTHW[None]).double()
    views = len(video.setting.views) or 1
    frames = video.video_CTHW.shape[1] // views
    latent_VCTHW = apart(latent_BCTHW, views)
    temporal = max(1, (frames - 1) // max(1, latent_VCTHW.shape[2] - 1))
    return torch.as_tensor(latent_VCTHW[:, :, 1 + (video.setting.given_frames - 1) // temporal :])
