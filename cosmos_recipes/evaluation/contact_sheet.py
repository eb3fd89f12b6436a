"""The contact sheet: each sample's truth above its prediction, frames from left to right.

Copying has no row: it would repeat the last frame that is marked as given.

Legend: C colours, T frames, H height, W width; video is uint8.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from cosmos_recipes.data.preview.canvas import INK, PALE, PAPER, font, wrapped
from cosmos_recipes.evaluation.evaluate import Sample
from cosmos_recipes.training.frames import apart

MOST_COLUMNS = 13
_CELL_PX = 128
_GAP_PX = 6
_MARGIN_PX = 28
_LABEL_PX = 96
_FRAME_PX = 3
_GIVEN = "#e08a00"
_CAPTION_LINES = 2


def contact_sheet(
    samples: Sequence[Sample], *, given_frames: int, rate_hz: float, views: Sequence[str] = ()
) -> Image.Image:
    """Return a picture of samples; given frames have an orange frame, columns say the time in seconds.

    Of long clips some frames are shown, the last given one and the last one among them. Each of several views has its
    truth and its prediction in rows of their own.
    """
    columns = shown_frames(samples[0].truth_CTHW.shape[1] // (len(views) or 1), given_frames)
    cell = _cell_size(samples[0].truth_CTHW)
    blocks = [_block(sample, columns, cell, given_frames, views) for sample in samples]
    width = 2 * _MARGIN_PX + _LABEL_PX + len(columns) * (cell[0] + _GAP_PX) - _GAP_PX
    sheet = Image.new("RGB", (width, 2 * _MARGIN_PX + 28 + sum(block.height for block in blocks)), PAPER)
    draw, top = ImageDraw.Draw(sheet), _MARGIN_PX
    for column, frame in enumerate(columns):
        text = f"{frame / rate_hz:.1f} s" + (" given" if frame < given_frames else "")
        ink = _GIVEN if frame < given_frames else PALE
        draw.text((_left(column, cell), top), text, fill=ink, font=font(14))
    top += 28
    for block in blocks:
        sheet.paste(block, (0, top))
        top += block.height
    return sheet


def shown_frames(frames: int, given_frames: int) -> list[int]:
    """Return the frames to show, at most `MOST_COLUMNS`: the last given one, then the rest evenly to the last."""
    if frames <= MOST_COLUMNS:
        return list(range(frames))
    return [round(frame) for frame in np.linspace(given_frames - 1, frames - 1, MOST_COLUMNS).tolist()]


def _rows(sample: Sample, views: Sequence[str]) -> dict[str, Tensor]:
    """Return what is shown of a sample, by its label."""
    videos = {"truth": sample.truth_CTHW, "prediction": sample.prediction_CTHW}
    if not views:
        return videos
    by_view = {label: apart(video_CTHW[None], len(views)) for label, video_CTHW in videos.items()}
    return {f"{view}\n{label}": by_view[label][number] for number, view in enumerate(views) for label in videos}


def _block(
    sample: Sample, columns: Sequence[int], cell: tuple[int, int], given_frames: int, views: Sequence[str]
) -> Image.Image:
    """Return a sample's rows with its caption above."""
    rows = _rows(sample, views)
    width = 2 * _MARGIN_PX + _LABEL_PX + len(columns) * (cell[0] + _GAP_PX)
    lines = wrapped(sample.caption, width - 2 * _MARGIN_PX, most_lines=_CAPTION_LINES)
    top = 22 * len(lines) + 8
    block = Image.new("RGB", (width, top + len(rows) * (cell[1] + _GAP_PX) + 22), PAPER)
    draw = ImageDraw.Draw(block)
    for number, line in enumerate(lines):
        draw.text((_MARGIN_PX, 22 * number), line, fill=INK, font=font(16))
    for label, video_CTHW in rows.items():
        draw.text((_MARGIN_PX, top + cell[1] // 2 - 9), label, fill=PALE, font=font(15))
        for column, frame in enumerate(columns):
            left = _left(column, cell)
            block.paste(_picture(video_CTHW[:, frame], cell), (left, top))
            if frame < given_frames:
                _mark_given(draw, left, top, cell)
        top += cell[1] + _GAP_PX
    return block


def _mark_given(draw: ImageDraw.ImageDraw, left: int, top: int, cell: tuple[int, int]) -> None:
    draw.rectangle((left, top, left + cell[0] - 1, top + cell[1] - 1), outline=_GIVEN, width=_FRAME_PX)


def _picture(frame_CHW: Tensor, cell: tuple[int, int]) -> Image.Image:
    picture = Image.fromarray(frame_CHW.permute(1, 2, 0).contiguous().numpy())
    larger = cell[0] > picture.width
    return picture.resize(cell, Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS)


def _cell_size(video_CTHW: Tensor) -> tuple[int, int]:
    """Return (width, height) of a cell: a whole multiple of a small picture, or a large one made smaller."""
    height, width = video_CTHW.shape[-2:]
    factor = max(1, round(_CELL_PX / max(height, width)))
    if max(height, width) * factor <= 1.5 * _CELL_PX:
        return width * factor, height * factor
    scale = 1.5 * _CELL_PX / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _left(column: int, cell: tuple[int, int]) -> int:
    return _MARGIN_PX + _LABEL_PX + column * (cell[0] + _GAP_PX)
