"""The pictures of a made-up recording: a pattern of one colour that moves as its motion says, and otherwise in each view.

Legend: R rows, T frames, H height, W width, C colours.
"""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.data.synthesize.motion import COLOURS, Motion
from cosmos_recipes.data.synthesize.spec import SynthesisSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

WAVES = 2.0
"""Waves of the pattern from side to side."""
TRAVEL = 0.25
"""How far the pattern moves, in sides of the picture, for a motion of 1."""
_HUES = (0.0, 0.08, 0.16, 0.35, 0.6, 0.78)


def draw(motion: Motion, view: int, spec: SynthesisSpec) -> NDArray[np.uint8]:
    """Return frames_THWC, RGB: the first number of the motion moves the pattern to the right, the second down."""
    moved_T2 = TRAVEL * motion.at(np.arange(spec.frames) / spec.rate_hz, 2)
    x_TW = np.arange(spec.width_px) / spec.width_px - moved_T2[:, :1] + 0.13 * view
    y_TH = np.arange(spec.height_px) / spec.height_px - moved_T2[:, 1:]
    wave_THW = np.sin(2 * np.pi * WAVES * x_TW)[:, None, :] * np.sin(2 * np.pi * WAVES * y_TH)[:, :, None]
    colour_C = np.array(colorsys.hsv_to_rgb(_HUES[motion.colour % len(COLOURS)], 0.8, 1.0))
    grey_THW1 = (0.55 + 0.35 * wave_THW)[..., None]
    return np.asarray(255 * grey_THW1 * colour_C, np.uint8)
