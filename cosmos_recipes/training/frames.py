"""Frames of clips with several views, which lie one after the other along T, each with all its frames.

Legend: B batch, C colours or channels, V views, T frames of all views in a clip and of one view apart, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor


def apart(video_BCTHW: Tensor, views: int) -> Tensor:
    """Return each view as a clip of its own (B * V, C, T, H, W), those of a clip one after the other."""
    apart_BVCTHW: Tensor = video_BCTHW.unflatten(2, (views, -1)).transpose(1, 2)
    return apart_BVCTHW.flatten(0, 1)


def together(video_NCTHW: Tensor, views: int) -> Tensor:
    """Return clips with their views along T: the inverse of `apart`."""
    apart_BVCTHW: Tensor = video_NCTHW.unflatten(0, (-1, views))
    return apart_BVCTHW.transpose(1, 2).flatten(2, 3)


def first_BT(count_B: Tensor, frames: int, views: int) -> Tensor:
    """Return which of the `frames` of each view are among its first `count_B`."""
    return (torch.arange(frames, device=count_B.device) < count_B[:, None]).repeat(1, views)


def beginning_with(first_BCTHW: Tensor, whole_BCTHW: Tensor, views: int) -> Tensor:
    """Return `whole_BCTHW` with the first frames of every view replaced by those of `first_BCTHW`."""
    first, whole = (part.unflatten(2, (views, part.shape[2] // views)) for part in (first_BCTHW, whole_BCTHW))
    return torch.cat([first, whole[:, :, :, first.shape[3] :]], 3).flatten(2, 3)
