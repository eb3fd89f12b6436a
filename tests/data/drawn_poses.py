"""Rotations and poses for hypothesis to draw, the difficult ones among them: no turn, half turns, gimbal lock."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

Array = NDArray[np.float64]
EXACT = 1e-9
"""Rounding of a few products in float64, of numbers up to a thousand."""

_angles = st.sampled_from([0.0, np.pi / 2, -np.pi / 2, np.pi, 1e-9, np.pi - 1e-9]) | st.floats(-np.pi, np.pi)


def turn(axis: int, angle: float) -> Array:
    """Return the turn about one axis, written out."""
    c, s = np.cos(angle), np.sin(angle)
    entries = [
        [[1, 0, 0], [0, c, -s], [0, s, c]],
        [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    ]
    return np.array(entries[axis])


@st.composite
def rotations(draw: st.DrawFn) -> Array:
    return turn(2, draw(_angles)) @ turn(1, draw(_angles)) @ turn(0, draw(_angles))


def vectors(count: int, *, limit: float = 1000.0) -> st.SearchStrategy[Array]:
    return arrays(np.float64, count, elements=st.floats(-limit, limit))


@st.composite
def poses(draw: st.DrawFn) -> Array:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = draw(rotations()), draw(vectors(3))
    return pose


def paths(*, at_least: int = 2, at_most: int = 9) -> st.SearchStrategy[Array]:
    return st.lists(poses(), min_size=at_least, max_size=at_most).map(np.array)


intrinsics = st.tuples(st.floats(0.3, 3), st.floats(0.3, 3), st.floats(0, 1), st.floats(0, 1)).map(np.array)
"""Normalised, of cameras that see between 19 and 118 degrees."""
