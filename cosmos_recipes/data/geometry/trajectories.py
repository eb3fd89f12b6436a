"""Where a vehicle will be, as seen from where it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.data.geometry.poses import assemble, interpolate, interpolate_positions, relative_to_first
from cosmos_recipes.data.geometry.rotations import Array

ROUNDING_S = 1e-6
"""How far outside the recording a moment may be by rounding."""


def future_points(
    ego_to_world_T44: Array, times_s_T: Array, *, at_s: float | Array, count: int, rate_hz: float
) -> tuple[Array, NDArray[np.int64]]:
    """Return the vehicle's next positions (..., N, 3) in metres, x forward, y left, z up as the vehicle is at `at_s` (...).

    They are at `at_s + n / rate_hz` for n from 1 to `count`, interpolated between the poses, whose times rise. Those
    after the end of the recording are NaN, and all are where `at_s` itself is outside of it. The second value (...) is
    how many of them, from the first on, are known.
    """
    moments_s_M = _moments_s(at_s, count, rate_hz)
    flat_s = moments_s_M.reshape(-1)
    path_M44 = assemble(np.eye(3), interpolate_positions(ego_to_world_T44[:, :3, 3], times_s_T, flat_s))
    path_M44 = path_M44.reshape(*moments_s_M.shape, 4, 4)
    start_44 = interpolate(ego_to_world_T44, times_s_T, moments_s_M[..., 0].reshape(-1))
    path_M44[..., 0, :, :] = start_44.reshape(path_M44[..., 0, :, :].shape)
    points_m_N3 = relative_to_first(path_M44, to_world=True)[..., 1:, :3, 3]
    known = known_points(times_s_T, at_s=at_s, count=count, rate_hz=rate_hz)
    points_m_N3[np.arange(count) >= known[..., None]] = np.nan
    return points_m_N3, known


def known_points(times_s_T: Array, *, at_s: float | Array, count: int, rate_hz: float) -> NDArray[np.int64]:
    """Return how many (...) of the points that `future_points` returns are known, from the first on."""
    moments_s_M = _moments_s(at_s, count, rate_hz)
    inside_M = (moments_s_M >= times_s_T[0] - ROUNDING_S) & (moments_s_M <= times_s_T[-1] + ROUNDING_S)
    return np.where(inside_M[..., 0], inside_M[..., 1:].sum(axis=-1), 0)


def _moments_s(at_s: float | Array, count: int, rate_hz: float) -> Array:
    return np.asarray(np.asarray(at_s)[..., None] + np.arange(count + 1) / rate_hz)
