"""Which frames of a clip are shown, and where they stand: what is drawn below a frame belongs to it.

Legend: V views, T frames, H height, W width, C colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from cosmos_recipes.data.preview.canvas import PALE, Canvas, Point, cell_of, picture

if TYPE_CHECKING:
    from PIL import Image

    from cosmos_recipes.data.preview.clips import PreviewClip

MOST_SHOWN = 8
CELL_PX = 224
LABEL_PX = 150
"""Width of what is written before rows."""
VALUES_PX = 96
"""Width of what is written after rows."""
GAP_PX = 6


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The shown frames, and the size of their cells (width, height)."""

    shown: tuple[int, ...]
    cell: tuple[int, int]

    @classmethod
    def of(cls, clip: PreviewClip) -> Timeline:
        """Return the frames to show: all, or every so many, and the last."""
        every = max(1, -(-(clip.frames - 1) // (MOST_SHOWN - 1)))
        shown = sorted({*range(0, clip.frames, every), clip.frames - 1})
        height, width = clip.video_VTHWC.shape[2:4]
        return cls(shown=tuple(shown), cell=cell_of(height, width, longer_px=CELL_PX))

    @property
    def width(self) -> int:
        """The width of everything that stands below one another."""
        return LABEL_PX + len(self.shown) * (self.cell[0] + GAP_PX) + VALUES_PX

    def left(self, column: int) -> int:
        """Return where a cell begins."""
        return LABEL_PX + column * (self.cell[0] + GAP_PX)

    def x(self, frame: float) -> float:
        """Return where a frame stands: the middle of its cell, or in between."""
        middles = [self.left(column) + self.cell[0] / 2 for column in range(len(self.shown))]
        return float(np.interp(frame, self.shown, middles))


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something drawn into one frame: a ring at a place, or a line through places (u, v), shares of width and height."""

    view: int
    frame: int
    places: Sequence[Point]
    colour: str
    kind: Literal["ring", "line"] = "ring"
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """What is drawn of a column: marks in the frames, and panels below them."""

    marks: Sequence[Mark] = ()
    panels: Sequence[Image.Image] = field(default=())


def frame_rows(clip: PreviewClip, timeline: Timeline, marks: Sequence[Mark]) -> Image.Image:
    """Return the frames of every view in order, with their times and marks."""
    height = timeline.cell[1]
    canvas = Canvas(timeline.width, 22 + len(clip.views) * (height + GAP_PX))
    for column, frame in enumerate(timeline.shown):
        since_s = clip.times_s_T[frame] - clip.times_s_T[0]
        canvas.text((timeline.left(column), 2), f"{since_s:.2f} s  frame {frame}", size=13, colour=PALE)
    for view, name in enumerate(clip.views):
        top = 22 + view * (height + GAP_PX)
        canvas.text((0, top + height / 2), name, size=15, anchor="lm")
        for column, frame in enumerate(timeline.shown):
            own = [mark for mark in marks if (mark.view, mark.frame) == (view, frame)]
            shown = marked(picture(clip.video_VTHWC[view, frame], timeline.cell), own)
            canvas.paste(shown, timeline.left(column), top)
    return canvas.image()


def marked(shown: Image.Image, marks: Sequence[Mark]) -> Image.Image:
    """Return a picture with marks on it."""
    if not marks:
        return shown
    canvas = Canvas(shown.width, shown.height, on=shown)
    for mark in marks:
        places = [(u * shown.width, v * shown.height) for u, v in mark.places]
        if mark.kind == "line":
            canvas.line(places, "#ffffff", width=3)
            canvas.line(places, mark.colour, width=1.5)
            _number(canvas, places[len(places) // 3], mark)
        for place in places if mark.kind == "ring" else ():
            _ring(canvas, place, mark)
    return canvas.image()


def _ring(canvas: Canvas, place: Point, mark: Mark) -> None:
    canvas.dot(place, 6, None, outline="#ffffff", width=3)
    canvas.dot(place, 5.5, None, outline=mark.colour, width=2)
    canvas.dot(place, 1.2, mark.colour)
    _number(canvas, place, mark)


def _number(canvas: Canvas, place: Point, mark: Mark) -> None:
    if mark.label:
        badge = (min(place[0] + 12, canvas.width - 8), max(place[1] - 11, 8))
        canvas.dot(badge, 7, mark.colour, outline="#ffffff")
        canvas.text(badge, mark.label, size=11, colour="#ffffff", anchor="mm")


def told(lines: Sequence[tuple[str, str]], timeline: Timeline) -> Image.Image:
    """Return lines of text, each with a name before it."""
    canvas = Canvas(timeline.width, 20 * len(lines) + 8)
    for number, (name, text) in enumerate(lines):
        canvas.text((0, 3 + 20 * number), name, size=13)
        canvas.text((LABEL_PX, 3 + 20 * number), text, size=13)
    return canvas.image()
