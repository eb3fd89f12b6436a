"""Dense optical flow, to compare how two videos move. Legend: T frames, H height, W width."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.evaluation.estimators.tracks import Array, Frames

SMALL_PX = 128
"""Shorter side of a picture below which every pixel's flow is sought, not every second one's."""
MOVING_PX = 0.5
"""A pixel moves if it goes further than this from one frame to the next."""


def flow(frames_THW3: Frames) -> NDArray[np.float32]:
    """Return where each pixel goes, x and y in pixels, from each frame to the next (T - 1, H, W, 2).

    T. Kroeger et al., Fast Optical Flow using Dense Inverse Search, 2016.
    """
    seeker = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    if min(frames_THW3.shape[1:3]) < SMALL_PX:
        seeker.setFinestScale(0)
    grey_THW = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames_THW3]
    nothing_HW2 = np.zeros((*grey_THW[0].shape, 2), np.float32)
    return np.stack([seeker.calc(here, there, nothing_HW2.copy()) for here, there in pairwise(grey_THW)])


def motion_error_px(ours_THW2: NDArray[np.float32], true_THW2: NDArray[np.float32]) -> float:
    """Return the mean distance between two flows, over the pixels that move in either; NaN where none does."""
    apart_THW, ours_THW, true_THW = (
        np.linalg.norm(values, axis=-1) for values in (ours_THW2 - true_THW2, ours_THW2, true_THW2)
    )
    moving_THW: Array = np.maximum(ours_THW, true_THW) > MOVING_PX
    return float(apart_THW[moving_THW].mean()) if moving_THW.any() else float("nan")
