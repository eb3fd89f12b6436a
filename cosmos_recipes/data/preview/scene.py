"""A scene in metres seen along one of its axes: the same scale both ways, a grid with its distances, cameras and paths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.data.geometry import poses
from cosmos_recipes.data.preview.canvas import GRID, INK, PALE, Canvas, Point
from cosmos_recipes.data.preview.scale import round_step

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    Array = NDArray[np.float64]

AXES = ("#d1242f", "#1a7f37", "#0969da")
"""Colours of x, y and z."""
_EDGE_PX, _TITLE_PX = 26, 20


@dataclass(frozen=True, kw_only=True)
class Side:
    """From where a scene is seen: what is to the right of the page and what is up, as rows (2, 3), and in words."""

    title: str
    rows_23: tuple[tuple[float, float, float], tuple[float, float, float]]
    right: str
    up: str


class Scene:
    """A drawing of points (N, 3) of a world, of which those of `extent_m_N3` are all within."""

    def __init__(self, side: Side, extent_m_N3: Array, *, width_px: int, height_px: int, unit: str = "m") -> None:
        self.side, self.unit = side, unit
        self.canvas = Canvas(width_px, height_px)
        flat_N2 = self._flat(extent_m_N3)
        low_2, high_2 = flat_N2.min(0), flat_N2.max(0)
        self.middle_2 = (low_2 + high_2) / 2
        room_px = np.array([width_px - 2 * _EDGE_PX, height_px - 2 * _EDGE_PX - _TITLE_PX])
        self.px_per_m = float((room_px / np.maximum(high_2 - low_2, 1e-6)).min())
        self.centre = (width_px / 2, (height_px + _TITLE_PX) / 2)
        self._grid()

    def _flat(self, point_m_N3: Array) -> Array:
        return np.asarray(point_m_N3.reshape(-1, 3) @ np.array(self.side.rows_23).T)

    def at(self, point_m_N3: Array) -> list[Point]:
        """Return the pixels of points."""
        away_N2 = (self._flat(point_m_N3) - self.middle_2) * self.px_per_m
        return [(self.centre[0] + x, self.centre[1] - y) for x, y in away_N2.tolist()]

    def image(self) -> Image.Image:
        """Return what was drawn."""
        return self.canvas.image()

    def path(self, point_m_N3: Array, colour: str, *, width: float = 1.5) -> None:
        """Draw a line through points, and where it goes by an arrow at its end."""
        places = self.at(point_m_N3)
        self.canvas.line(places, colour, width=width)
        if len(places) > 1 and math.dist(places[-2], places[-1]) > 2:
            self.canvas.arrow(places[-2], places[-1], colour, width=width, head=7)

    def camera(self, to_world_44: Array, intrinsics_4: Array, colour: str, *, size_m: float, axes: bool) -> None:
        """Draw what a camera sees as a pyramid, and its axes: x red, y green, z blue."""
        corners_42 = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
        ray_43 = np.concatenate([(corners_42 - intrinsics_4[2:]) / intrinsics_4[:2], np.ones((4, 1))], -1)
        eye, *corners = self.at(poses.transform(to_world_44, np.concatenate([np.zeros((1, 3)), ray_43 * size_m])))
        self.canvas.line([*corners, corners[0]], colour, width=1)
        for corner in corners:
            self.canvas.line([eye, corner], colour, width=1)
        ends = self.at(poses.transform(to_world_44, np.eye(3) * size_m * 1.3)) if axes else []
        for end, axis in zip(ends, AXES, strict=False):
            self.canvas.arrow(eye, end, axis, width=2, head=6)

    def label(self, point_m_3: Array, text: str, colour: str = INK) -> None:
        """Write beside a point."""
        x, y = self.at(point_m_3)[0]
        self.canvas.text((x + 6, y + 9), text, size=12, colour=colour, anchor="lm", halo=True)

    def _grid(self) -> None:
        canvas, step_m = self.canvas, round_step(70 / self.px_per_m)
        canvas.text(
            (0, 2),
            f"{self.side.title}: {self.side.right} to the right, {self.side.up} up the page, in {self.unit}",
            size=13,
        )
        for axis, (start, end) in enumerate(((0, canvas.width), (_TITLE_PX, canvas.height))):
            ways_m = sorted(self._way_m(axis, at) for at in (start, end))
            for number in range(math.ceil(ways_m[0] / step_m), math.floor(ways_m[1] / step_m) + 1):
                self._grid_line(axis, number * step_m)
        canvas.box(0, _TITLE_PX, canvas.width - 1, canvas.height - 1, None, GRID)

    def _way_m(self, axis: int, at_px: float) -> float:
        sign = -1 if axis else 1
        return float(self.middle_2[axis] + sign * (at_px - self.centre[axis]) / self.px_per_m)

    def _grid_line(self, axis: int, way_m: float) -> None:
        at = self.centre[axis] + (-1 if axis else 1) * (way_m - self.middle_2[axis]) * self.px_per_m
        right, bottom = float(self.canvas.width), float(self.canvas.height)
        self.canvas.line([(0.0, at), (right, at)] if axis else [(at, _TITLE_PX), (at, bottom)], GRID, width=1)
        place = (3.0, at - 7) if axis else (at + 3, bottom - 8)
        self.canvas.text(place, f"{way_m:g}", size=10, colour=PALE, anchor="lm")
