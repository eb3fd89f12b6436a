"""Making decoded frames fit: turned as they are shown, scaled to cover the clip's size, cropped at the centre.

Legend: C colours, T frames, H height, W width; uint8.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cosmos_recipes.data.geometry.cover import cover
from cosmos_recipes.data.probe import Probe

Fit = Callable[[Tensor], Tensor]
"""Takes `video_TCHW` as decoded, and returns it as the clip has it."""


def fitting(probe: Probe, *, height_px: int, width_px: int) -> Fit:
    """Return what makes frames of this recording fit."""
    turns = probe.rotation // 90
    aspect = probe.pixel_aspect if turns % 2 == 0 else 1 / probe.pixel_aspect

    def fit(video_TCHW: Tensor) -> Tensor:
        turned = torch.rot90(video_TCHW, turns, (-2, -1)) if turns else video_TCHW
        return fit_size(turned, height_px=height_px, width_px=width_px, pixel_aspect=aspect)

    return fit


def fit_size(video_TCHW: Tensor, *, height_px: int, width_px: int, pixel_aspect: float = 1.0) -> Tensor:
    """Return the video scaled to cover the size, with antialiasing, and cropped at its centre.

    Pixels of the source are `pixel_aspect` times as wide as high; those of the result are square.
    """
    height, width = video_TCHW.shape[-2:]
    scaled = cover(height, width, height_px=height_px, width_px=width_px, pixel_aspect=pixel_aspect)
    size, top, left = (scaled.height_px, scaled.width_px), scaled.top_px, scaled.left_px
    if size != (height, width):
        video_TCHW = nn.functional.interpolate(video_TCHW, size=size, mode="bilinear", antialias=True)
    return video_TCHW[..., top : top + height_px, left : left + width_px]
