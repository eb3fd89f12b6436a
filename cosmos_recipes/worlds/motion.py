"""Smooth motions in closed form: quintic segments of one point, and the angles of a two-joint arm that reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Knot:
    """A point that a path passes: `time_s`, position `xy_m`, velocity `velocity_m_s` (acceleration is zero there)."""

    time_s: float
    xy_m: tuple[float, float]
    velocity_m_s: tuple[float, float] = (0.0, 0.0)


def minimum_jerk(time_s_T: Array, start_s: float, end_s: float) -> Array:
    """Rise from 0 at `start_s` to 1 at `end_s` with the least jerk; shape (T,)."""
    phase_T = np.clip((time_s_T - start_s) / (end_s - start_s), 0.0, 1.0)
    return np.asarray(phase_T**3 * (10.0 - 15.0 * phase_T + 6.0 * phase_T**2), dtype=np.float64)


def follow(knots: list[Knot], time_s_T: Array) -> Array:
    """Return positions (T, 2) in metres along quintics between the knots, at rest before the first and after the last.

    Between two knots the path is the minimum-jerk one for their positions and velocities.
    """
    xy_m_T2 = np.tile(np.asarray(knots[0].xy_m, dtype=np.float64), (len(time_s_T), 1))
    for start, end in pairwise(knots):
        inside_T = time_s_T >= start.time_s
        xy_m_T2[inside_T] = _quintic(start, end, np.minimum(time_s_T[inside_T], end.time_s))
    return xy_m_T2


def _quintic(start: Knot, end: Knot, time_s_T: Array) -> Array:
    span_s = end.time_s - start.time_s
    phase_T1 = ((time_s_T - start.time_s) / span_s)[:, None]
    origin, speed = np.asarray(start.xy_m), np.asarray(start.velocity_m_s) * span_s
    gain = np.asarray(end.velocity_m_s) * span_s - speed
    rest = np.asarray(end.xy_m) - origin - speed
    cubic = (10 * rest - 4 * gain) + phase_T1 * ((-15 * rest + 7 * gain) + phase_T1 * (6 * rest - 3 * gain))
    return np.asarray(origin + speed * phase_T1 + cubic * phase_T1**3, dtype=np.float64)


def reach(target_m_T2: Array, base_m: tuple[float, float], upper_m: float, fore_m: float) -> Array:
    """Return joint angles (T, 2) in rad that put the end of a two-link arm at the targets (T, 2).

    The first angle is the upper arm's, counter-clockwise from +x; the second is the forearm's relative to the upper
    arm. The elbow is always on the counter-clockwise side of the line to the target, so the angles are continuous.

    Raises:
        ValueError: a target is further away than the arm is long, or too near to fold to.
    """
    away_m_T2 = target_m_T2 - np.asarray(base_m)
    distance_m_T = np.hypot(away_m_T2[:, 0], away_m_T2[:, 1])
    if np.any(distance_m_T > upper_m + fore_m) or np.any(distance_m_T < abs(upper_m - fore_m)):
        raise ValueError(f"the arm reaches from {abs(upper_m - fore_m):.2f} to {upper_m + fore_m:.2f} m")
    shoulder_T = np.arctan2(away_m_T2[:, 1], away_m_T2[:, 0])
    shoulder_T = shoulder_T + _corner(upper_m, distance_m_T, fore_m)
    return np.stack([shoulder_T, _corner(upper_m, np.full_like(distance_m_T, fore_m), distance_m_T) - np.pi], axis=1)


def _corner(side_a: float, side_b_T: Array, opposite: float | Array) -> Array:
    """Angle in rad between sides a and b of a triangle."""
    cosine_T = (side_a**2 + side_b_T**2 - np.square(opposite)) / (2 * side_a * side_b_T)
    return np.asarray(np.arccos(np.clip(cosine_T, -1.0, 1.0)), dtype=np.float64)


def elbow_and_wrist(joint_rad: Any, base_m: tuple[float, float], upper_m: float, fore_m: float) -> Array:
    """Return the elbow's and the wrist's positions, shape (2, 2) in metres, for one pair of joint angles."""
    shoulder, bend = float(joint_rad[0]), float(joint_rad[1])
    elbow = np.asarray(base_m) + upper_m * np.array([np.cos(shoulder), np.sin(shoulder)])
    wrist = elbow + fore_m * np.array([np.cos(shoulder + bend), np.sin(shoulder + bend)])
    return np.stack([elbow, wrist])
