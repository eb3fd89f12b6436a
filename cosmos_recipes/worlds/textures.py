"""Patterns painted on surfaces, each averaged over what a pixel covers, so that far ones turn even and do not flicker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cosmos_recipes.worlds.solids import Array, Paint, Patch, Rgb, painted

Texture = Callable[[Patch], Array]
Motif = Literal["disc", "cross", "rings", "bars", "halves"]


def band(x_m: Array, low_m: float, high_m: float, width_m: Array) -> Array:
    """Return the share, 0 to 1, of each pixel's width around x that is between two bounds."""
    scale = 1 / np.maximum(width_m, 1e-6)
    return np.clip((x_m - low_m) * scale + 0.5, 0, 1) - np.clip((x_m - high_m) * scale + 0.5, 0, 1)


def repeated_band(x_m: Array, period_m: float, thick_m: float, width_m: Array) -> Array:
    """Return the share, 0 to 1, of each pixel's width that bands cover, which begin at every multiple of the period.

    The mean of the bands is a difference of their integral, which is known in closed form.
    """
    width_m = np.maximum(width_m, 1e-6)

    def covered(to_m: Array) -> Array:
        turns = np.floor(to_m / period_m)
        return np.asarray(turns * thick_m + np.minimum(to_m - turns * period_m, thick_m))

    return np.clip((covered(x_m + width_m / 2) - covered(x_m - width_m / 2)) / width_m, 0, 1)


def colour(rgb: Rgb) -> Array:
    """Return a colour as (3, 1)."""
    return np.array(rgb, dtype=np.float32)[:, None]


def mixed(first: Array, second: Array, share_N: Array) -> Array:
    """Return the first colours with a share of the second, (3, N)."""
    return np.asarray(first + (second - first) * share_N)


def checks(first: Rgb, second: Rgb, side_m: float) -> Texture:
    """Return squares of two colours in turn."""

    def paint(patch: Patch) -> Array:
        across_N = 2 * repeated_band(patch.u_m, 2 * side_m, side_m, patch.u_width_m) - 1
        along_N = 2 * repeated_band(patch.v_m, 2 * side_m, side_m, patch.v_width_m) - 1
        return mixed(colour(first), colour(second), 0.5 - 0.5 * across_N * along_N)

    return paint


def stripes(first: Rgb, second: Rgb, width_m: float, *, upright: bool = True, share: float = 0.5) -> Texture:
    """Return stripes of two colours; `width_m` is that of a pair of them, `share` what the second has of it."""

    def paint(patch: Patch) -> Array:
        x_m, pixel_m = (patch.u_m, patch.u_width_m) if upright else (patch.v_m, patch.v_width_m)
        return mixed(colour(first), colour(second), repeated_band(x_m, width_m, width_m * share, pixel_m))

    return paint


def tiles(
    first: Rgb, joint: Rgb, length_m: float, height_m: float, joint_m: float, *, shifted: bool = False
) -> Texture:
    """Return tiles with joints between them; `shifted` sets every other row off by half a tile, as bricks are laid."""

    def paint(patch: Patch) -> Array:
        u_m = patch.u_m + (0.5 * length_m) * (np.floor(patch.v_m / height_m) % 2) if shifted else patch.u_m
        upright_N = repeated_band(u_m, length_m, joint_m, patch.u_width_m)
        level_N = repeated_band(patch.v_m, height_m, joint_m, patch.v_width_m)
        return mixed(colour(first), colour(joint), 1 - (1 - upright_N) * (1 - level_N))

    return paint


@dataclass(frozen=True, kw_only=True, slots=True)
class Poster:
    """A picture on a wall: where its middle is, its size, its two colours and what it shows."""

    u_m: float
    v_m: float
    width_m: float
    height_m: float
    ground: Rgb
    ink: Rgb
    motif: Motif


def with_posters(wall: Paint, posters: Sequence[Poster], *, skirting: Rgb | None = None) -> Texture:
    """Return a wall's paint with posters on it, and a skirting board along its foot (v from 0 up)."""

    def paint(patch: Patch) -> Array:
        rgb_3N = np.broadcast_to(painted(wall, lambda: patch), (3, len(patch.u_m)))
        for poster in posters:
            rgb_3N = _hung(rgb_3N, poster, patch)
        if skirting is not None:
            rgb_3N = mixed(rgb_3N, colour(skirting), band(patch.v_m, -1.0, 0.1, patch.v_width_m))
        return rgb_3N

    return paint


def _hung(rgb_3N: Array, poster: Poster, patch: Patch) -> Array:
    x_m, y_m = patch.u_m - poster.u_m, patch.v_m - poster.v_m
    half_width_m, half_height_m, frame_m = poster.width_m / 2, poster.height_m / 2, 0.035
    here = np.flatnonzero((np.abs(x_m) < half_width_m + 0.2) & (np.abs(y_m) < half_height_m + 0.2))
    if not len(here):
        return rgb_3N
    x_m, y_m, u_wide, v_wide = x_m[here], y_m[here], patch.u_width_m[here], patch.v_width_m[here]
    outer = _sheet(x_m, y_m, half_width_m, half_height_m, u_wide, v_wide)
    inner = _sheet(x_m, y_m, half_width_m - frame_m, half_height_m - frame_m, u_wide, v_wide)
    ink = _motif(poster.motif, x_m / half_width_m, y_m / half_height_m, np.maximum(u_wide, v_wide) / half_width_m)
    shown = mixed(colour((38, 36, 40)), mixed(colour(poster.ground), colour(poster.ink), ink), inner)
    result_3N = np.array(rgb_3N, dtype=np.float32)
    result_3N[:, here] = mixed(result_3N[:, here], shown, outer)
    return result_3N


def _sheet(x_m: Array, y_m: Array, half_x_m: float, half_y_m: float, u_wide: Array, v_wide: Array) -> Array:
    return band(x_m, -half_x_m, half_x_m, u_wide) * band(y_m, -half_y_m, half_y_m, v_wide)


def _motif(motif: Motif, x: Array, y: Array, wide: Array) -> Array:
    """Return how much ink there is; the sheet reaches from -1 to 1 in both directions."""
    if motif == "disc":
        return band(np.hypot(x, y), -1.0, 0.6, wide)
    if motif == "rings":
        return band(np.hypot(x, y), 0.45, 0.75, wide) + band(np.hypot(x, y), -1.0, 0.2, wide)
    if motif == "cross":
        return np.maximum(band(x, -0.22, 0.22, wide), band(y, -0.22, 0.22, wide))
    if motif == "bars":
        return band(y, -0.75, -0.3, wide) + band(y, 0.05, 0.5, wide)
    return band(x + y, 0.0, 9.0, wide)
