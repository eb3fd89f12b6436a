"""Paths compared: what remains between them once the scale, or the whole similarity, is taken out.

Legend: N points, T frames.
"""

from __future__ import annotations

import numpy as np

from cosmos_recipes.data.geometry.poses import invert
from cosmos_recipes.data.geometry.rotations import Array
from cosmos_recipes.evaluation.estimators.path import Path

FEWEST_SHARED = 5
"""Points that two videos share in their first frame, or the scale of the one says nothing of the other's."""


def positions(world_to_camera_T44: Array) -> Array:
    """Return where the camera is (T, 3)."""
    return np.asarray(invert(world_to_camera_T44)[..., :3, 3])


def scale_between(from_T3: Array, to_T3: Array) -> float:
    """Return the number by which positions from a common start come closest to others; never less than zero."""
    square = float(np.square(from_T3).sum())
    return max(0.0, float((from_T3 * to_T3).sum()) / square) if square > 0 else 0.0


def shared_scale(path: Path, known: Path) -> float | None:
    """Return the scale at which a path's depths are those of another, of a video with the same first frame.

    The median over points that both found at the same place of that frame, near ones counting more, as their depth is
    known better; None where they share too few.
    """
    depths = {_start(known, point): known.inverse_depth_N[point] for point in _from_first_frame(known)}
    pairs = [(depths.get(_start(path, point)), path.inverse_depth_N[point]) for point in _from_first_frame(path)]
    shared_S2 = np.array([(theirs, ours) for theirs, ours in pairs if theirs is not None])
    if len(shared_S2) < FEWEST_SHARED:
        return None
    ratio_S, weight_S = shared_S2[:, 1] / shared_S2[:, 0], shared_S2[:, 0]
    order_S = ratio_S.argsort()
    middle = np.searchsorted(weight_S[order_S].cumsum(), weight_S.sum() / 2)
    return float(ratio_S[order_S][middle])


def similarity(from_N3: Array, to_N3: Array) -> tuple[float, Array, Array]:
    """Return scale, rotation (3, 3) and shift (3,) that bring points closest to others: `scale * R x + shift`.

    S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991.
    """
    from_mean_3, to_mean_3 = from_N3.mean(0), to_N3.mean(0)
    centred_N3 = from_N3 - from_mean_3
    left_33, values_3, right_33 = np.linalg.svd((to_N3 - to_mean_3).T @ centred_N3)
    proper_3 = np.array([1.0, 1.0, np.sign(np.linalg.det(left_33 @ right_33))])
    rotation_33 = (left_33 * proper_3) @ right_33
    square = float(np.square(centred_N3).sum())
    scale = float((values_3 * proper_3).sum()) / square if square > 0 else 0.0
    return scale, rotation_33, to_mean_3 - scale * rotation_33 @ from_mean_3


def _from_first_frame(path: Path) -> list[int]:
    return [int(point) for point in np.flatnonzero(path.tracks.first_N == 0)]


def _start(path: Path, point: int) -> tuple[int, float, float]:
    u, v = path.tracks.uv_NT2[point, 0].round(9).tolist()
    return int(path.tracks.view_N[point]), u, v
