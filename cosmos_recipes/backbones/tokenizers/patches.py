"""Space-time patches of video, and video of patches. Frame 0 is a patch of its own, which it fills by being repeated.

Legend: B batch, C colours, T frames, H height, W width, P values in a patch, from -1 to 1.
"""

from __future__ import annotations

import torch
from torch import Tensor


def patches_of(video_BCTHW: Tensor, *, temporal: int, spatial: int) -> Tensor:
    """Return the patches (B, T', H', W', P) of uint8 video."""
    frames = torch.cat([video_BCTHW[:, :, :1].expand(-1, -1, temporal - 1, -1, -1), video_BCTHW], 2)
    batch, colours, count, height, width = frames.shape
    grid = frames.reshape(
        batch, colours, count // temporal, temporal, height // spatial, spatial, width // spatial, spatial
    )
    return grid.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).float() / 127.5 - 1


def video_of(patches: Tensor, *, temporal: int, spatial: int) -> Tensor:
    """Return the uint8 video of patches (B, T', H', W', P); frame 0 is the mean of its patch."""
    shape = (*patches.shape[:4], 3, temporal, spatial, spatial)
    video = patches.reshape(shape).permute(0, 4, 1, 5, 2, 6, 3, 7).flatten(2, 3).flatten(3, 4).flatten(4, 5)
    video = torch.cat([video[:, :, :temporal].mean(2, keepdim=True), video[:, :, temporal:]], 2)
    return ((video + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
