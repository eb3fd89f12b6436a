"""What every drawing shares: paper and ink, letters, frames enlarged or reduced, and lines with smooth edges."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAPER, INK, PALE, GRID = "#ffffff", "#1c2430", "#6b7683", "#e4e7ea"
COLOURS = ("#d1242f", "#0969da", "#1a7f37", "#bf5700", "#8250df", "#00838f", "#b5179e", "#7a6200")
"""Colours of things of which there are several, such as views or marked points; they repeat."""
Anchor = Literal["la", "lm", "ra", "rm", "ma", "mm", "mb"]
Point = tuple[float, float]
_MORE_LETTERS = "°·…±“”"
_SMOOTH = 2
"""Lines are drawn this much larger, and then reduced."""


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the letters that come with Pillow."""
    return ImageFont.load_default(size_px)


def picture(frame_HWC: NDArray[np.uint8], cell: tuple[int, int]) -> Image.Image:
    """Return a frame as large as a cell, (width, height)."""
    return Image.fromarray(frame_HWC).resize(cell, Image.Resampling.LANCZOS)


def cell_of(height_px: int, width_px: int, *, longer_px: int) -> tuple[int, int]:
    """Return (width, height) of a cell for such pictures, whose longer side is as long as is said."""
    scale = longer_px / max(height_px, width_px)
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def wrapped(text: str, width_px: int, *, most_lines: int) -> list[str]:
    """Return the lines of a text in letters of 16 pixels."""
    return textwrap.wrap(text, max(20, width_px // 8), max_lines=most_lines, placeholder=" …")


class Canvas:
    """A picture to draw on, in pixels from its upper left corner; lines have smooth edges."""

    def __init__(self, width_px: int, height_px: int, *, on: Image.Image | None = None) -> None:
        self.width, self.height = width_px, height_px
        large = (width_px * _SMOOTH, height_px * _SMOOTH)
        self._image = Image.new("RGB", large, PAPER) if on is None else on.resize(large, Image.Resampling.NEAREST)
        self._draw = ImageDraw.Draw(self._image)

    def image(self) -> Image.Image:
        """Return what was drawn."""
        return self._image.resize((self.width, self.height), Image.Resampling.BOX)

    def line(self, points: Sequence[Point], colour: str, *, width: float = 1.5) -> None:
        """Draw a line through points."""
        if len(points) > 1:
            self._draw.line(
                [_large(p) for p in points], fill=colour, width=max(1, round(width * _SMOOTH)), joint="curve"
            )

    def dashed(self, start: Point, end: Point, colour: str, *, width: float = 1.0, dash: float = 4.0) -> None:
        """Draw a dashed line between two points."""
        length = math.dist(start, end)
        for at in range(0, int(length), int(2 * dash)):
            ends = (at / length, min(1.0, (at + dash) / length))
            self.line(
                [(start[0] + s * (end[0] - start[0]), start[1] + s * (end[1] - start[1])) for s in ends],
                colour,
                width=width,
            )

    def arrow(self, start: Point, end: Point, colour: str, *, width: float = 2.0, head: float = 6.0) -> None:
        """Draw an arrow; of a short one the head is smaller, and where there is no length it is a dot."""
        length = math.dist(start, end)
        if length < 0.75:
            self.dot(start, 2.0, colour)
            return
        along = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
        head = min(head, 0.7 * length)
        foot = (end[0] - head * along[0], end[1] - head * along[1])
        side = (-along[1] * head * 0.5, along[0] * head * 0.5)
        self.line([start, foot], colour, width=width)
        self.polygon([end, (foot[0] + side[0], foot[1] + side[1]), (foot[0] - side[0], foot[1] - side[1])], colour)

    def polygon(self, points: Sequence[Point], fill: str | None, *, outline: str | None = None) -> None:
        """Draw an area."""
        self._draw.polygon([_large(p) for p in points], fill=fill, outline=outline, width=_SMOOTH)

    def box(
        self, left: float, top: float, right: float, bottom: float, fill: str | None, outline: str | None = None
    ) -> None:
        """Draw a rectangle with upright sides."""
        corners = sorted((left, right)), sorted((top, bottom))
        (left, right), (top, bottom) = corners
        self._draw.rectangle(
            (*_large((left, top)), *_large((right, bottom))), fill=fill, outline=outline, width=_SMOOTH
        )

    def dot(
        self, at: Point, radius: float, fill: str | None, *, outline: str | None = None, width: float = 1.0
    ) -> None:
        """Draw a disc or a ring."""
        x, y = _large(at)
        r = radius * _SMOOTH
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=outline, width=round(width * _SMOOTH))

    def pie(self, at: Point, radius: float, share: float, colour: str) -> None:
        """Draw a disc that is filled by a share of it, clockwise from the top."""
        x, y = _large(at)
        r = radius * _SMOOTH
        self.dot(at, radius, PAPER, outline=colour, width=1.5)
        if share > 0:
            self._draw.pieslice((x - r, y - r, x + r, y + r), -90, -90 + 360 * min(share, 1.0), fill=colour)

    def text(
        self, at: Point, text: str, *, size: int = 12, colour: str = INK, anchor: Anchor = "la", halo: bool = False
    ) -> None:
        """Write a line; with a halo it can be read on any picture."""
        halo_px = {"stroke_width": _SMOOTH, "stroke_fill": PAPER} if halo else {}
        options: dict[str, Any] = {"fill": colour, "anchor": anchor, "font": font(size * _SMOOTH), **halo_px}
        self._draw.text(_large(at), drawable(text), **options)

    def paste(self, image: Image.Image, left: int, top: int) -> None:
        """Put a picture onto this one."""
        large = (image.width * _SMOOTH, image.height * _SMOOTH)
        self._image.paste(image.resize(large, Image.Resampling.NEAREST), (left * _SMOOTH, top * _SMOOTH))


def drawable(text: str) -> str:
    """Return a text in the letters that there are: others lose their accents, or become question marks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if c.isascii() or c in _MORE_LETTERS else "?" for c in plain)


def _large(point: Point) -> Point:
    return point[0] * _SMOOTH, point[1] * _SMOOTH
