"""Frames of clips with several views, which lie one after the other along T, each with all its frames.

Legend: B batch, C channels, T frames of all views, H height, W width, V views.
"""

from __future__ import annotations

import torch
from torch import Tensor


def first_BT(count_B: Tensor, frames: int, views: int) -> Tensor:
    """Return which of the `frames` of each view are among its first `count_B`."""
    return (torch.arange(frames, device=count_B.device) < count_B[:, None]).repeat(1, views)


def beginning_with(first_BCTHW: Tensor, whole_BCTHW: Tensor, views: int) -> Tensor:
    """Return `whole_BCTHW` with the first frames of every view replaced by those of `first_BCTHW`."""
    first, whole = (part.unflatten(2, (views, part.shape[2] // views)) for part in (first_BCTHW, whole_BCTHW))
    return torch.cat([first, whole[:, :, :, first.shape[3] :]], 3).flatten(2, 3)
