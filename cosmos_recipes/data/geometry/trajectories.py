"""Where a vehicle will be, as seen from where it is."""

from __future__ import annotations

import numpy as np

from cosmos_recipes.data.geometry.poses import interpolate, relative_to_first
from cosmos_recipes.data.geometry.rotations import Array

ROUNDING_S = 1e-6
"""How far outside the recording a moment may be by rounding."""


def future_points(
    ego_to_world_T44: Array, times_s_T: Array, *, at_s: float, count: int, rate_hz: float
) -> tuple[Array, int]:
    """Return the vehicle's next positions (N, 3) in metres, x forward, y left, z up as the vehicle is at `at_s`.

    They are at `at_s + n / rate_hz` for n from 1 to `count`, interpolated between the poses, whose times rise. Those
    after the end of the recording are NaN, and all are where `at_s` itself is outside of it. The second value is how
    many of them, from the first on, are known.
    """
    moments_s_M = at_s + np.arange(count + 1) / rate_hz
    inside_M = (moments_s_M >= times_s_T[0] - ROUNDING_S) & (moments_s_M <= times_s_T[-1] + ROUNDING_S)
    path_M44 = interpolate(ego_to_world_T44, times_s_T, moments_s_M)
    points_m_N3 = relative_to_first(path_M44, to_world=True)[1:, :3, 3]
    known = int(inside_M[1:].sum()) if inside_M[0] else 0
    points_m_N3[known:] = np.nan
    return points_m_N3, known
