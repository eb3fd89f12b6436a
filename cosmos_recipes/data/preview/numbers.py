"""Columns of plain numbers: lanes over time below the frames, arrows for what moves, discs for what opens and closes.

Legend: V views, R rows, A numbers of a row, S steps between frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.preview.canvas import COLOURS, GRID, INK, PALE, Canvas, Point
from cosmos_recipes.data.preview.figures import Number, numbers_of, rows_of, shown_number
from cosmos_recipes.data.preview.scale import Scale
from cosmos_recipes.data.preview.timeline import LABEL_PX, VALUES_PX, Overlay, Timeline

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from cosmos_recipes.data.preview.clips import PreviewClip

    Values = NDArray[np.float32]

MOST_LANES = 16
_LANE_PX, _ARROWS_PX = 58, 112
_LEAST_STEP_PX = 56


def overlay(clip: PreviewClip, name: str, timeline: Timeline) -> Overlay:
    """Draw a column of numbers, whatever its shape: rows of numbers as lanes, anything larger as its range over time."""
    said, values = clip.declared[name], clip.columns[name]
    if said.column.belongs_to not in ("frame", "step"):
        return Overlay(panels=[_still(name, values, numbers_of(said, rows_of(values, said).shape[1]), timeline)])
    per_view = values if said.column.is_per_view else values[None]
    views = clip.views if said.column.is_per_view else ("",)
    panels: list[Image.Image] = []
    for view, own in zip(views, per_view, strict=True):
        rows_RA, numbers = _rows(own, name, numbers_of(said, rows_of(own, said).shape[1]))
        titled = [Number(name=f"{view} {n.name}".strip(), unit=n.unit, form=n.form) for n in numbers]
        panels += _panels(rows_RA, titled, timeline, is_step=said.column.belongs_to == "step")
    return Overlay(panels=panels)


def _rows(values: Values, name: str, numbers: Sequence[Number]) -> tuple[Values, Sequence[Number]]:
    """Return rows (R, A); of more than a row of numbers, the least, mean and greatest."""
    if values.ndim <= 2:
        return values.reshape(len(values), -1), numbers
    flat = values.reshape(len(values), -1)
    unit = numbers[0].unit
    rows = np.stack([flat.min(1), flat.mean(1), flat.max(1)], axis=1)
    return rows, [Number(name=f"{name}, {word}", unit=unit) for word in ("least", "mean", "greatest")]


def _still(name: str, values: Values, numbers: Sequence[Number], timeline: Timeline) -> Image.Image:
    canvas = Canvas(timeline.width, 26)
    canvas.text((0, 4), name, size=13)
    flat = values.reshape(-1)
    if len(flat) <= MOST_LANES and len(numbers) == len(flat):
        told = "   ".join(f"{n.title} {v:.4g}" for n, v in zip(numbers, flat.tolist(), strict=True))
    else:
        told = f"{' x '.join(map(str, values.shape))} numbers from {flat.min():.4g} to {flat.max():.4g}"
    canvas.text((LABEL_PX, 4), told, size=13)
    return canvas.image()


def _panels(rows_RA: Values, numbers: Sequence[Number], timeline: Timeline, *, is_step: bool) -> list[Image.Image]:
    panels: list[Image.Image] = []
    moving = _moving(numbers) if is_step else []
    if moving:
        panels.append(arrows(rows_RA, numbers, moving, timeline))
    for number, own_R in list(zip(numbers, rows_RA.T, strict=True))[:MOST_LANES]:
        panels.append(_lane(own_R, number, timeline, is_step=is_step))
    if len(numbers) > MOST_LANES:
        canvas = Canvas(timeline.width, 22)
        canvas.text((0, 4), f"and {len(numbers) - MOST_LANES} numbers more", size=13, colour=PALE)
        panels.append(canvas.image())
    return panels


def _moving(numbers: Sequence[Number]) -> list[int]:
    """Return up to three numbers that are a way: the first lengths, otherwise the first angles, if there are two."""
    by_unit = ([n for n, number in enumerate(numbers) if number.unit == unit][:3] for unit in ("m", "rad"))
    return next((found for found in by_unit if len(found) >= 2), [])


def arrows(rows_SA: Values, numbers: Sequence[Number], moving: Sequence[int], timeline: Timeline) -> Image.Image:
    """Return arrows of the steps: the first number to the right, the second up, a third beside it; all of one scale.

    Of set-points the change from the one before is shown.
    """
    ways = np.stack([_change(rows_SA[:, n], numbers[n].form) for n in moving], axis=1)
    longest = float(np.abs(ways).max()) or 1.0
    canvas = Canvas(timeline.width, _ARROWS_PX)
    spacing = timeline.x(1) - timeline.x(0)
    every = max(1, int(np.ceil(_LEAST_STEP_PX / spacing)))
    half = min(_ARROWS_PX, spacing * every) / 2 - 4
    for step in range(0, len(ways), every):
        middle = (timeline.x(step + 0.5), _ARROWS_PX / 2)
        canvas.box(middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half, None, GRID)
        _arrow(canvas, middle, ways[step] / longest * (half - 3), aside=half - 7)
    _axes_key(canvas, [numbers[n] for n in moving])
    unit = numbers[moving[0]].unit
    canvas.text((timeline.width, _ARROWS_PX / 2 - 8), "to the edge:", size=11, colour=PALE, anchor="rm")
    canvas.text((timeline.width, _ARROWS_PX / 2 + 8), f"{longest:.3g} {unit}", size=12, anchor="rm")
    return canvas.image()


def _change(values_S: Values, form: str) -> NDArray[Any]:
    return np.diff(values_S, prepend=values_S[:1]) if form == "absolute" else values_S


def _arrow(canvas: Canvas, middle: Point, way: NDArray[Any], *, aside: float) -> None:
    x, y = middle
    right, up, *more = way.tolist()
    canvas.arrow(middle, (x + right, y - up), COLOURS[0], width=2.5, head=8)
    for third in more:
        canvas.arrow((x + aside, y), (x + aside, y - third), COLOURS[1], width=2, head=6)


def _axes_key(canvas: Canvas, numbers: Sequence[Number]) -> None:
    x, y = 14.0, _ARROWS_PX / 2 + 16
    canvas.arrow((x, y), (x + 26, y), COLOURS[0], width=1.5)
    canvas.arrow((x, y), (x, y - 26), COLOURS[0], width=1.5)
    canvas.text((x + 31, y), numbers[0].title, size=12, anchor="lm")
    canvas.text((x + 4, y - 33), numbers[1].title, size=12, anchor="lm")
    if len(numbers) > 2:
        canvas.arrow((x + 100, y - 6), (x + 100, y - 32), COLOURS[1], width=1.5)
        canvas.text((x + 106, y - 19), numbers[2].title, size=12, anchor="lm")


def _lane(own_R: Values, number: Number, timeline: Timeline, *, is_step: bool) -> Image.Image:
    """Return one number over time: a bar for each step, or a line through the frames; some values are written."""
    canvas = Canvas(timeline.width, _LANE_PX)
    is_share = number.unit == "1" and own_R.min() >= -1e-3 and own_R.max() <= 1 + 1e-3
    y = _scale(own_R, is_share)
    canvas.text((0, _LANE_PX / 2), number.title, size=13, anchor="lm")
    if is_share:
        canvas.text((0, _LANE_PX / 2 + 16), "disc: empty 0, full 1", size=10, colour=PALE, anchor="lm")
    left, right = timeline.left(0), timeline.x(timeline.shown[-1]) + timeline.cell[0] / 2
    for level in (y.low, y.high):
        canvas.line([(left, y(level)), (right, y(level))], GRID, width=1)
    if y.low < 0 < y.high:
        canvas.dashed((left, y(0)), (right, y(0)), PALE)
    places = [(timeline.x(row + 0.5 * is_step), y(value)) for row, value in enumerate(own_R.tolist())]
    _bars(canvas, places, y, timeline) if is_step else _line(canvas, places)
    if is_share:
        _discs(canvas, places, own_R, timeline)
    _values(canvas, places, own_R, timeline)
    for level, anchor in ((y.high, y.end), (y.low, y.start)):
        canvas.text(
            (timeline.width - VALUES_PX + 8, anchor),
            shown_number(level, y.high - y.low),
            size=11,
            colour=PALE,
            anchor="lm",
        )
    return canvas.image()


def _scale(own_R: Values, is_share: bool) -> Scale:
    low, high = (0.0, 1.0) if is_share else (float(own_R.min()), float(own_R.max()))
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return Scale(low, high, _LANE_PX - 6, 20)


def _bars(canvas: Canvas, places: Sequence[Point], y: Scale, timeline: Timeline) -> None:
    foot = y(min(max(0.0, y.low), y.high))
    for step, (_, top) in enumerate(places):
        canvas.box(timeline.x(step) + 1, foot, timeline.x(step + 1) - 1, top, "#9ec5f0", "#0969da")


def _line(canvas: Canvas, places: Sequence[Point]) -> None:
    canvas.line(places, "#1a7f37", width=2)
    for place in places:
        canvas.dot(place, 2.2, "#1a7f37")


def _discs(canvas: Canvas, places: Sequence[Point], own_R: Values, timeline: Timeline) -> None:
    for row in _written(places):
        canvas.pie((places[row][0] - 24, 9), 6, float(own_R[row]), "#bf5700")


def _values(canvas: Canvas, places: Sequence[Point], own_R: Values, timeline: Timeline) -> None:
    span = float(own_R.max() - own_R.min())
    for row in _written(places):
        canvas.text((places[row][0], 9), shown_number(float(own_R[row]), span), size=11, colour=INK, anchor="mm")


def _written(places: Sequence[Point]) -> range:
    """Return every so manieth row, so that what is written does not overlap."""
    spacing = (places[-1][0] - places[0][0]) / max(1, len(places) - 1)
    return range(0, len(places), max(1, int(np.ceil(70 / max(spacing, 1e-9)))))
