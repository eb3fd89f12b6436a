"""The gripper of the world `factory`, found by its colour. Legend: T frames, H height, W width."""

from __future__ import annotations

import numpy as np

from cosmos_recipes.evaluation.estimators.tracks import Array, Frames
from cosmos_recipes.worlds.drawing import camera

_LEAST_TEAL = 45.0
"""How much less red than green and blue a pixel of the hand is; it has 146, a blue part 50, all else less.

Pictures lose colour in a codec that halves its resolution, and where a prediction is blurred: a distance from the
hand's own colour finds no hand in half of them.
"""
_LEAST_SUM = 100 / 64**2
"""Least of that above its least, summed over the picture, per pixel, for the hand to be there; it is ten times as much."""
_MIDDLE_M = 0.066
"""How far the middle of the hand's colour is above the point between the finger tips, on 12 true episodes."""


def find_hand(frames_THW3: Frames) -> Array:
    """Return the point between the finger tips (T, 2) in pixels, right and down from the outer corner; NaN where there is no hand."""
    height, width = frames_THW3.shape[1:3]
    red_THW, green_THW, blue_THW = np.moveaxis(frames_THW3.astype(np.float64), -1, 0)
    weight_THW = np.clip(np.minimum(green_THW, blue_THW) - red_THW - _LEAST_TEAL, 0, None)
    sum_T = weight_THW.sum((1, 2))
    sum_T = np.where(sum_T < _LEAST_SUM * height * width, np.nan, sum_T)
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
