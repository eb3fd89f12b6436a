"""Matches between pictures of cameras far apart: coloured things, and SIFT where pictures are large enough.

On pictures of 64 pixels, SIFT between views a quarter turn apart matches at random (9 px from the epipolar lines of the
world `cell`), while the middles of coloured things lie 0.2 px from them.

Legend: N points, H height, W width; places are in pixels from the picture's outer corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.evaluation.estimators.tracks import Array

SIFT_LEAST_PX = 128
"""Shorter side of a picture from which on SIFT is used."""
_HUES = 24
_LEAST_CHROMA = 25.0
_SMALLEST_SHARE = 6 / 64**2
"""Least part of the picture that a coloured thing fills."""
_ALIKE = 12.0
"""Greatest distance in the a and b of CIELAB between two sights of one thing."""
_RATIO = 0.75
"""D. Lowe's: the best match is so much nearer than the second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sights:
    """What can be matched in a picture: coloured things by their middles and colours, and SIFT's points."""

    middle_N2: Array
    colour_N2: Array
    point_N2: Array
    descriptor_ND: Any

    @classmethod
    def of(cls, frame_HW3: NDArray[np.uint8]) -> Sights:
        """Look at an RGB frame."""
        middle_N2, colour_N2 = _coloured_things(frame_HW3)
        point_N2, descriptor_ND = np.empty((0, 2)), None
        if min(frame_HW3.shape[:2]) >= SIFT_LEAST_PX:
            grey_HW = cv2.cvtColor(frame_HW3, cv2.COLOR_RGB2GRAY)
            keys, descriptor_ND = cv2.SIFT.create().detectAndCompute(grey_HW, np.full_like(grey_HW, 255))
            point_N2 = np.array([key.pt for key in keys]).reshape(-1, 2) + 0.5
        return cls(middle_N2=middle_N2, colour_N2=colour_N2, point_N2=point_N2, descriptor_ND=descriptor_ND)


def match(first: Sights, second: Sights) -> tuple[Array, Array]:
    """Return the places (N, 2) in either picture of what both show; each is the other's best match."""
    things, points = _by_colour(first, second), _by_sift(first, second)
    return (
        np.concatenate([first.middle_N2[things[0]], first.point_N2[points[0]]]),
        np.concatenate([second.middle_N2[things[1]], second.point_N2[points[1]]]),
    )


def _coloured_things(frame_HW3: NDArray[np.uint8]) -> tuple[Array, Array]:
    """Return the middles and colours of connected regions of one hue that the picture's edge does not cut."""
    colour_HW2 = cv2.cvtColor(frame_HW3.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 1:]
    hue_HW = np.floor((np.arctan2(colour_HW2[..., 1], colour_HW2[..., 0]) / (2 * np.pi) + 0.5) * _HUES) % _HUES
    strong_HW = np.linalg.norm(colour_HW2, axis=-1) > _LEAST_CHROMA
    height, width = strong_HW.shape
    found = []
    # Neighbouring hues go together, in every pair, so that none is cut in two.
    for hue in range(_HUES):
        region_HW = strong_HW & np.isin(hue_HW, (hue, (hue + 1) % _HUES))
        if region_HW.sum() < _SMALLEST_SHARE * region_HW.size:
            continue
        _, label_HW, boxes, middles = cv2.connectedComponentsWithStats(region_HW.astype(np.uint8), connectivity=8)
        for label, (left, top, wide, high, area) in enumerate(boxes.tolist()):
            whole = left > 0 and top > 0 and left + wide < width and top + high < height
            if label and whole and area >= _SMALLEST_SHARE * region_HW.size:
                found.append((*(middles[label] + 0.5), *colour_HW2[label_HW == label].mean(0)))
    thing_N4 = np.array(found, np.float64).reshape(-1, 4)
    return thing_N4[:, :2], thing_N4[:, 2:]


def _by_colour(first: Sights, second: Sights) -> tuple[Any, Any]:
    if not len(first.colour_N2) or not len(second.colour_N2):
        return [], []
    apart_NM = np.linalg.norm(first.colour_N2[:, None] - second.colour_N2[None], axis=-1)
    ours_N, theirs_N = np.arange(len(apart_NM)), apart_NM.argmin(1)
    mutual_N = (apart_NM.argmin(0)[theirs_N] == ours_N) & (apart_NM[ours_N, theirs_N] < _ALIKE)
    return ours_N[mutual_N], theirs_N[mutual_N]


def _by_sift(first: Sights, second: Sights) -> tuple[Any, Any]:
    if len(first.point_N2) < 2 or len(second.point_N2) < 2:
        return [], []
    candidates = cv2.BFMatcher(cv2.NORM_L2).knnMatch(first.descriptor_ND, second.descriptor_ND, k=2)
    kept = [best for best, other in candidates if best.distance < _RATIO * other.distance]
    return [each.queryIdx for each in kept], [each.trainIdx for each in kept]
