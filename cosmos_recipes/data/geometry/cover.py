"""How a picture is made to fit: scaled to cover the clip's size, then cropped at the centre."""

from __future__ import annotations

from typing import NamedTuple


class Cover(NamedTuple):
    """The size a picture is scaled to, and where in it the upper left corner of the crop is, in pixels."""

    height_px: int
    width_px: int
    top_px: int
    left_px: int


def cover(height: int, width: int, *, height_px: int, width_px: int, pixel_aspect: float = 1.0) -> Cover:
    """Return how a picture of `height` and `width` is scaled and cropped to `height_px` and `width_px`.

    Its pixels are `pixel_aspect` times as wide as high; those of the result are square.
    """
    scale = max(height_px / height, width_px / (width * pixel_aspect))
    scaled_height = max(height_px, round(height * scale))
    scaled_width = max(width_px, round(width * pixel_aspect * scale))
    return Cover(scaled_height, scaled_width, (scaled_height - height_px) // 2, (scaled_width - width_px) // 2)
