"""Positions of tokens in time, height and width: rotary tables and the absolute embedding.

Legend: S slots of a sequence, D width of a head or of the network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

Scaling = Mapping[str, Any]


def split(width: int) -> tuple[int, int, int]:
    """Return how many numbers of a head stand for time, height and width: 44, 42 and 42 of 128."""
    side = width // 6 * 2
    return width - 2 * side, side, side


def rotary_tables(
    position_S3: Tensor, begins_S: Tensor, *, width: int, theta: float, scaling: Scaling | None = None
) -> tuple[Tensor, Tensor]:
    """Return (cos, sin), each (S, D), for queries and keys whose halves are rotated against each other.

    A token that begins a sequence is not rotated. Source: Cosmos Predict1's decoder; RoFormer (arXiv 2104.09864).
    """
    angles = [
        position_S3[:, axis, None] * _frequencies(size, theta, axis, scaling).to(position_S3.device)
        for axis, size in enumerate(split(width))
    ]
    angle_SD = torch.cat([*angles, *angles], 1).masked_fill(begins_S[:, None], 0.0)
    return angle_SD.cos(), angle_SD.sin()


def rotate(values_BHSD: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Return queries or keys rotated by the angles of their slots."""
    cos_SD, sin_SD = (table_SD.to(values_BHSD.dtype) for table_SD in tables)
    first, second = values_BHSD.chunk(2, -1)
    return values_BHSD * cos_SD + torch.cat([-second, first], -1) * sin_SD


def absolute_positions(position_S3: Tensor, begins_S: Tensor, *, width: int) -> Tensor:
    """Return sines and cosines of each axis (S, D), zero for a token that begins a sequence."""
    parts = []
    for axis, size in enumerate(split(width)):
        frequency = 10_000.0 ** -(torch.arange(size // 2, device=position_S3.device) / (size / 2))
        angle = position_S3[:, axis, None] * frequency
        parts += [angle.sin(), angle.cos()]
    return torch.cat(parts, 1).masked_fill(begins_S[:, None], 0.0)


def _frequencies(size: int, theta: float, axis: int, scaling: Scaling | None) -> Tensor:
    frequencies = theta ** -(torch.arange(0, size, 2) / size)
    return frequencies if scaling is None else _scaled(frequencies, axis, scaling)


def _scaled(frequencies: Tensor, axis: int, scaling: Scaling) -> Tensor:
    """Return YaRN's frequencies (arXiv 2309.00071, section 3.2): slow ones are stretched, fast ones stay.

    As in Cosmos Predict1's 12B and 13B, the width counts as long as the height, and attention is not scaled.
    """
    fast, slow = (
        2 * math.pi * scaling[name] / scaling["original"][min(axis, 1)] for name in ("beta_fast", "beta_slow")
    )
    kept = ((frequencies - slow) / (fast - slow)).clamp(0, 1)
    scaled: Tensor = frequencies * ((1 - kept) / scaling["scale"] + kept)
    return scaled
