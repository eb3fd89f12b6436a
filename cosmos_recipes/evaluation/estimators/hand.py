"""The gripper of the world `factory`, found by its colour. Legend: T frames, H height, W width."""

from __future__ import annotations

import numpy as np

from cosmos_recipes.evaluation.estimators.tracks import Array, Frames
from cosmos_recipes.worlds.drawing import HAND_RGB, camera

_REACH = 70.0
"""Distance in RGB at which a pixel counts no more as the hand's."""
_LEAST_SHARE = 3 / 64**2
"""Least weight of the hand, as a share of the picture, for it to be there; it has four to five times as much."""
_MIDDLE_M = 0.0665
"""How far the middle of the hand's colour is above the point between the finger tips, on 12 true episodes."""


def find_hand(frames_THW3: Frames) -> Array:
    """Return the point between the finger tips (T, 2) in pixels, right and down from the outer corner; NaN where there is no hand."""
    height, width = frames_THW3.shape[1:3]
    apart_THW = np.linalg.norm(frames_THW3.astype(np.float64) - HAND_RGB, axis=-1)
    weight_THW = np.clip(1 - apart_THW / _REACH, 0, None)
    sum_T = weight_THW.sum((1, 2))
    sum_T = np.where(sum_T < _LEAST_SHARE * height * width, np.nan, sum_T)
    right_T = (weight_THW.sum(1) @ (np.arange(width) + 0.5)) / sum_T
    down_T = (weight_THW.sum(2) @ (np.arange(height) + 0.5)) / sum_T
    return np.stack([right_T, down_T + camera(height, width).pixels_per_metre * _MIDDLE_M], -1)


def hand_at(place_m_T2: Array, *, height_px: int, width_px: int) -> Array:
    """Return where points (T, 2) of the scene, in metres, are seen (T, 2) in pixels."""
    view = camera(height_px, width_px)
    return np.stack(
        [
            view.centre_u_px + view.pixels_per_metre * place_m_T2[:, 0],
            view.centre_v_px - view.pixels_per_metre * place_m_T2[:, 1],
        ],
        -1,
    )
