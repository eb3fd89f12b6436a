"""Charts as inline SVG: text and colours come from the page's style sheet, so that they follow its light and dark modes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from cosmos_recipes.data.preview.scale import Scale
from cosmos_recipes.evaluation.adherence import Ratio

Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT = 460, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 14, 46
_LOG_FROM_RATIO = 5.0
_MOST_POINTS = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A named line; `look` is its class in the style sheet."""

    name: str
    points: Points
    look: Literal["prediction", "copy", "held-out", "faint"]


def line_chart(series: Sequence[Series], *, x_label: str, y_label: str) -> Markup | None:
    """Return a chart of the series that have points; the vertical axis is logarithmic where values span a factor of 5.

    None where there is nothing to draw.
    """
    drawn = [one for one in series if one.points]
    if not drawn:
        return None
    x, y = _scales([point for one in drawn for point in one.points])
    parts = [_axes(x, y, x_label, y_label + (", logarithmic" if y.log else ""))]
    parts += [_line(one, x, y) for one in drawn]
    return _svg(Markup("").join(parts), f"{y_label} by {x_label}", _HEIGHT)


def interval_chart(rows: Sequence[tuple[str, Ratio]], *, x_label: str) -> Markup:
    """Return a chart of ratios with their intervals, one row each, and a line at 1."""
    highest = max(1.0, *(ratio.high for _, ratio in rows))
    lowest = min(1.0, *(ratio.low for _, ratio in rows))
    room = 0.08 * max(highest - lowest, 0.1)
    height = _TOP + 46 * len(rows) + _BOTTOM
    x = Scale(lowest - room, highest + room, _LEFT - 40, _WIDTH - _RIGHT)
    bottom = height - _BOTTOM
    parts = [_x_axis(x, bottom, x_label), _segment("one", x(1), _TOP, x(1), bottom)]
    for number, (label, ratio) in enumerate(rows):
        middle = _TOP + 46 * number + 32
        parts += [
            _text(x.start, middle - 15, label, "row"),
            _segment("interval", x(ratio.low), middle, x(ratio.high), middle),
            Markup('<circle class="estimate" cx="{:.1f}" cy="{:.1f}" r="5"/>').format(x(ratio.value), middle),
        ]
    return _svg(Markup("").join(parts), x_label, height)


def smooth(points: Points, reach: int = 4) -> list[tuple[float, float]]:
    """Return, at each point, the mean of it and of up to `reach` neighbours on both sides, as many on the one as on the other."""
    smoothed = []
    for place, (x, _) in enumerate(points):
        near = min(reach, place, len(points) - 1 - place)
        window = points[place - near : place + near + 1]
        smoothed.append((x, math.fsum(y for _, y in window) / len(window)))
    return smoothed


def thin(points: Points) -> list[tuple[float, float]]:
    """Return at most some hundred points: means of neighbours."""
    size = -(-len(points) // _MOST_POINTS) or 1
    groups = [points[first : first + size] for first in range(0, len(points), size)]
    return [(group[-1][0], math.fsum(y for _, y in group) / len(group)) for group in groups]


def _scales(points: Points) -> tuple[Scale, Scale]:
    lowest_x, highest_x = min(x for x, _ in points), max(x for x, _ in points)
    lowest, highest = min(y for _, y in points), max(y for _, y in points)
    log = lowest > 0 and highest / lowest >= _LOG_FROM_RATIO
    if log:
        low, high = lowest / 1.15, highest * 1.15
    else:
        room = 0.08 * (highest - lowest) or 0.05 * abs(highest) or 1.0
        low, high = lowest - room, highest + room
    x = Scale(lowest_x, highest_x if highest_x > lowest_x else lowest_x + 1, _LEFT, _WIDTH - _RIGHT)
    return x, Scale(low, high, _HEIGHT - _BOTTOM, _TOP, log)


def _axes(x: Scale, y: Scale, x_label: str, y_label: str) -> Markup:
    rows = [
        _segment("grid", x.start, y(tick), x.end, y(tick)) + _text(x.start - 8, y(tick) + 4, f"{tick:.4g}", "y tick")
        for tick in y.ticks()
    ]
    middle = (y.start + y.end) / 2
    title = Markup('<text class="title" text-anchor="middle" transform="translate(14 {:.1f}) rotate(-90)">{}</text>')
    return Markup("").join([*rows, _x_axis(x, y.start, x_label), title.format(middle, y_label)])


def _x_axis(x: Scale, bottom: float, label: str) -> Markup:
    ticks = [_text(x(tick), bottom + 18, f"{tick:.10g}", "x tick") for tick in x.ticks()]
    title = _text((x.start + x.end) / 2, bottom + 38, label, "x title")
    return Markup("").join([_segment("axis", x.start, bottom, x.end, bottom), *ticks, title])


def _line(series: Series, x: Scale, y: Scale) -> Markup:
    places = [(x(px), y(py)) for px, py in series.points]
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
    line = Markup('<polyline class="line {}" points="{}"/>').format(series.look, path)
    if len(places) > 40:
        return line
    dot = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3"/>')
    return line + Markup("").join(dot.format(series.look, *place) for place in places)


def _segment(look: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    line = Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
    return line.format(look, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, look: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(look, x, y, text)


def _svg(content: Markup, label: str, height: int) -> Markup:
    svg = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return svg.format(_WIDTH, height, label, content)
