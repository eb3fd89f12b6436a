"""Clips of several views, which lie one after the other along T: apart, and shown together.

Legend: B batch, C colours, V views, T frames of all views in a clip and of one view apart, H height, W width.
"""

from __future__ import annotations

from math import ceil, sqrt

import torch
from torch import Tensor
from torch.nn.functional import pad

from cosmos_recipes.training.frames import apart, together

GUTTER_PX = 1
_PAPER = 255


def given_of(video_BCTHW: Tensor, given_frames: int, views: int) -> Tensor:
    """Return the first frames of every view, which the model is given."""
    return together(apart(video_BCTHW, views)[:, :, :given_frames], views)


def predicted_of(video_BCTHW: Tensor, given_frames: int, views: int) -> Tensor:
    """Return the frames of every view that the model is not given."""
    return together(apart(video_BCTHW, views)[:, :, given_frames:], views)


def rows_of(video_CTHW: Tensor, views: int) -> Tensor:
    """Return a video with its views one below the other."""
    return _tiled(video_CTHW, views, across=1)


def grid_of(video_CTHW: Tensor, views: int) -> Tensor:
    """Return a video with its views in a grid, row by row, about as wide as it is high."""
    return _tiled(video_CTHW, views, across=columns_of(views))


def columns_of(views: int) -> int:
    """Return how many views stand next to each other in a grid."""
    return ceil(sqrt(views))


def _tiled(video_CTHW: Tensor, views: int, *, across: int) -> Tensor:
    if views == 1:
        return video_CTHW
    tiles = list(apart(video_CTHW[None], views))
    tiles += [torch.full_like(tiles[0], _PAPER)] * (-views % across)
    padded = [pad(tile, (0, GUTTER_PX, 0, GUTTER_PX), value=_PAPER) for tile in tiles]
    lines = [torch.cat(padded[first : first + across], -1) for first in range(0, len(padded), across)]
    return torch.cat(lines, -2)[..., :-GUTTER_PX, :-GUTTER_PX]
