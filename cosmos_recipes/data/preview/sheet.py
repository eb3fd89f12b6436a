"""The contact sheet: for each clip its name, texts and frames of every view, and below them what its columns say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image

from cosmos_recipes.data.preview.canvas import GRID, INK, PALE, PAPER, Canvas, wrapped
from cosmos_recipes.data.preview.figures import HEADS, Figure, figure_row
from cosmos_recipes.data.preview.overlays import draw
from cosmos_recipes.data.preview.timeline import Timeline, frame_rows

if TYPE_CHECKING:
    from cosmos_recipes.data.preview.clips import PreviewClip

_MARGIN_PX = 28
_BETWEEN_PX = 14


def clip_block(clip: PreviewClip) -> Image.Image:
    """Return the picture of one clip, without its texts."""
    timeline = Timeline.of(clip)
    overlays = {name: draw(clip, name, timeline) for name in clip.columns}
    marks = [mark for overlay in overlays.values() for mark in overlay.marks]
    parts = [frame_rows(clip, timeline, marks)]
    for name, overlay in overlays.items():
        parts += [_title(clip, name, timeline), *overlay.panels]
    return stacked(parts)


def contact_sheet(
    clips: Sequence[PreviewClip], blocks: Sequence[Image.Image], heading: Sequence[str], figures: Sequence[Figure]
) -> Image.Image:
    """Return the blocks of clips below a heading, each with its texts, and the figures of all at the end."""
    width = max(block.width for block in blocks)
    parts = [_heading(heading, width)]
    for clip, block in zip(clips, blocks, strict=True):
        parts += [_rule(width), _head(clip, width), block]
    if figures:
        parts += [_rule(width), _table(figures, width)]
    inner = stacked(parts)
    sheet = Image.new("RGB", (inner.width + 2 * _MARGIN_PX, inner.height + 2 * _MARGIN_PX), PAPER)
    sheet.paste(inner, (_MARGIN_PX, _MARGIN_PX))
    return sheet


def stacked(parts: Sequence[Image.Image]) -> Image.Image:
    """Return pictures below one another."""
    sheet = Image.new("RGB", (max(part.width for part in parts), sum(part.height for part in parts)), PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return sheet


def _heading(lines: Sequence[str], width: int) -> Image.Image:
    canvas = Canvas(width, 34 + 22 * (len(lines) - 1))
    canvas.text((0, 0), lines[0], size=24)
    for number, line in enumerate(lines[1:]):
        canvas.text((0, 32 + 22 * number), line, size=15, colour=PALE)
    return canvas.image()


def _rule(width: int) -> Image.Image:
    canvas = Canvas(width, 2 * _BETWEEN_PX)
    canvas.line([(0, _BETWEEN_PX), (width, _BETWEEN_PX)], GRID, width=2)
    return canvas.image()


def _head(clip: PreviewClip, width: int) -> Image.Image:
    texts = clip.texts if len(clip.texts) != 1 else {"": next(iter(clip.texts.values()))}
    lines = [
        line
        for name, text in texts.items()
        for line in wrapped(f"{name}: {text}" if name else text, width, most_lines=4)
    ]
    canvas = Canvas(width, 24 + 21 * len(lines) + 6)
    canvas.text((0, 2), clip.title, size=13, colour=PALE)
    for number, line in enumerate(lines):
        canvas.text((0, 22 + 21 * number), line, size=16, colour=INK)
    return canvas.image()


def _title(clip: PreviewClip, name: str, timeline: Timeline) -> Image.Image:
    canvas = Canvas(timeline.width, 34)
    canvas.line([(0, 9), (timeline.width, 9)], GRID, width=1)
    canvas.text((0, 14), name, size=15)
    lines = wrapped(clip.column(name).summary, timeline.width - 200, most_lines=1)
    canvas.text((150, 16), lines[0] if lines else "", size=13, colour=PALE)
    return canvas.image()


def _table(figures: Sequence[Figure], width: int) -> Image.Image:
    canvas = Canvas(width, 24 + 20 * len(figures))
    columns = (0, 160, 340, 460, 580, 700)
    rows = [HEADS, *(figure_row(figure) for figure in figures)]
    for number, row in enumerate(rows):
        for left, text in zip(columns, row, strict=True):
            canvas.text((left, 2 + 20 * number), text, size=13, colour=INK if number else PALE)
    return canvas.image()
