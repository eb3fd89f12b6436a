"""The road of the `road` world as a line with one bend, and a car that is driven along it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.worlds.motion import minimum_jerk

Array = NDArray[Any]

_EASED_M = 10.0
"""Over how long a stretch the driver turns the steering wheel."""
_STEP_S = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """The middle of a road: straight, from `bend_at_m` on a bend by `bend_rad` (left positive, 0 for none), straight.

    `s` is the way along it in metres, 0 at `start_m`, where it heads in the direction `start_rad`; it goes on at both
    ends. `l` is the distance to its left.
    """

    start_m: tuple[float, float]
    start_rad: float
    bend_at_m: float
    radius_m: float
    bend_rad: float

    def at(self, s_m: Any, l_m: Any) -> tuple[Array, Array, Array]:
        """Return x and y in metres and the road's direction in rad at places along and beside it."""
        side, angle = math.copysign(1.0, self.bend_rad), abs(self.bend_rad)
        past_m = np.asarray(s_m, dtype=np.float64) - self.bend_at_m
        turned = np.clip(past_m / self.radius_m, 0.0, angle)
        beyond_m = np.maximum(past_m - self.radius_m * angle, 0.0)
        ahead_m = self.bend_at_m + np.minimum(past_m, 0.0)
        ahead_m = ahead_m + self.radius_m * np.sin(turned) + beyond_m * math.cos(angle)
        left_m = side * (self.radius_m * (1 - np.cos(turned)) + beyond_m * math.sin(angle))
        ahead_m, left_m = ahead_m - l_m * np.sin(side * turned), left_m + l_m * np.cos(side * turned)
        cosine, sine = math.cos(self.start_rad), math.sin(self.start_rad)
        x_m = self.start_m[0] + ahead_m * cosine - left_m * sine
        y_m = self.start_m[1] + ahead_m * sine + left_m * cosine
        return np.asarray(x_m), np.asarray(y_m), np.asarray(self.start_rad + side * turned)

    def locate(self, x_m: Array, y_m: Array) -> tuple[Array, Array, Array]:
        """Return s, l and the road's direction for points; the inverse of `at` near the road."""
        side, angle, radius_m = math.copysign(1.0, self.bend_rad), abs(self.bend_rad), self.radius_m
        cosine, sine = math.cos(self.start_rad), math.sin(self.start_rad)
        x_m, y_m = x_m - self.start_m[0], y_m - self.start_m[1]
        ahead_m, left_m = x_m * cosine + y_m * sine - self.bend_at_m, side * (y_m * cosine - x_m * sine)
        before = ahead_m < 0
        end_x_m, end_y_m = ahead_m - radius_m * math.sin(angle), left_m - radius_m * (1 - math.cos(angle))
        end_ahead_m = end_x_m * math.cos(angle) + end_y_m * math.sin(angle)
        after = (end_ahead_m > 0) & ~before
        turned = np.where(after, angle, np.where(before, 0.0, np.arctan2(ahead_m, radius_m - left_m)))
        away_m = np.where(before, left_m, radius_m - np.hypot(ahead_m, radius_m - left_m))
        away_m = np.where(after, end_y_m * math.cos(angle) - end_x_m * math.sin(angle), away_m)
        along_m = np.where(after, end_ahead_m, np.where(before, ahead_m, 0.0)) + radius_m * turned
        return self.bend_at_m + along_m, side * away_m, self.start_rad + side * turned

    def steered(self, s_m: float) -> float:
        """Return the curvature in 1/m that a driver follows, who turns the wheel into the bend and out of it smoothly."""
        past_m = s_m - self.bend_at_m
        ends = (past_m, past_m - self.radius_m * abs(self.bend_rad))
        into, out = (min(max(end_m / _EASED_M + 0.5, 0.0), 1.0) for end_m in ends)
        return math.copysign(1 / self.radius_m, self.bend_rad) * (into - out) if self.bend_rad else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a driver means to do: a change of speed and one of lane, each smooth between two moments in seconds."""

    speeds_m_s: tuple[float, float]
    speed_change_s: tuple[float, float]
    lanes_m: tuple[float, float]
    lane_change_s: tuple[float, float]

    def speed(self, time_s: Array) -> Array:
        """Return the speed in m/s at moments."""
        first, last = self.speeds_m_s
        return first + (last - first) * minimum_jerk(time_s, *self.speed_change_s)

    def lane(self, time_s: Array) -> Array:
        """Return the place across the road in metres, positive to the left, at moments."""
        first, last = self.lanes_m
        return first + (last - first) * minimum_jerk(time_s, *self.lane_change_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drive:
    """Where a car was at moments: x and y in metres, its direction in rad, and how far along the road."""

    xy_m_T2: Array
    yaw_rad_T: Array
    s_m_T: Array


def drive(course: Course, plan: Plan, time_s_T: Array) -> Drive:
    """Drive along the road from s = 0 at the first of evenly spaced moments.

    The car goes where it points, so that its speed is exactly how fast its position changes.
    """
    substeps = max(1, math.ceil(float(time_s_T[1] - time_s_T[0]) / _STEP_S))
    count = (len(time_s_T) - 1) * substeps
    step_s = float(time_s_T[-1] - time_s_T[0]) / count
    middle_s = float(time_s_T[0]) + (np.arange(count) + 0.5) * step_s
    edges_s = float(time_s_T[0]) + np.arange(count + 1) * step_s
    ways_m = (plan.speed(middle_s) * step_s).tolist()
    lanes_m, aside_m = plan.lane(middle_s).tolist(), np.diff(plan.lane(edges_s)).tolist()
    x_m, y_m, road_rad = (float(value) for value in course.at(0.0, plan.lanes_m[0]))
    s_m, rows = 0.0, [(x_m, y_m, road_rad, 0.0)]
    for way_m, lane_m, move_m in zip(ways_m, lanes_m, aside_m, strict=True):
        off_rad = math.asin(max(-0.5, min(0.5, move_m / max(way_m, 1e-9))))
        curvature = course.steered(s_m)
        gain_m = way_m * math.cos(off_rad) / (1 - curvature * lane_m)
        yaw_rad = road_rad + curvature * gain_m / 2 + off_rad
        x_m, y_m = x_m + way_m * math.cos(yaw_rad), y_m + way_m * math.sin(yaw_rad)
        s_m, road_rad = s_m + gain_m, road_rad + curvature * gain_m
        rows.append((x_m, y_m, road_rad + off_rad, s_m))
    states_T4 = np.array(rows)[::substeps]
    return Drive(xy_m_T2=states_T4[:, :2], yaw_rad_T=states_T4[:, 2], s_m_T=states_T4[:, 3])
