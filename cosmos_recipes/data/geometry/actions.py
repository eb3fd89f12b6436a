"""Actions as changes of state, and back: of poses, where rotations are composed, and of vectors, which are added.

S counts steps, one fewer than the T states between which they lead. Steps of poses are poses too, so that a
`PoseConvention` of an end effector reads and writes them in any form, such as metres and roll, pitch, yaw.
"""

from __future__ import annotations

import numpy as np

from cosmos_recipes.data.geometry.kinds import DeltaFrame
from cosmos_recipes.data.geometry.poses import Rows, assemble, invert
from cosmos_recipes.data.geometry.rotations import Array


def pose_deltas(pose_T44: Array, *, frame: DeltaFrame = "end-effector") -> Array:
    """Return the steps (..., S, 4, 4) between successive end-effector-to-base poses (..., T, 4, 4).

    In the frame of the end effector before the step, `pose_t^-1 @ pose_t+1`, as IRASim does with Bridge; or in the
    frame of the base, where the translations subtract and the rotation is `R_t+1 @ R_t^-1`.
    """
    before_S44, after_S44 = pose_T44[..., :-1, :, :], pose_T44[..., 1:, :, :]
    if frame == "end-effector":
        return np.asarray(invert(before_S44) @ after_S44, dtype=np.float64)
    turn_S33 = after_S44[..., :3, :3] @ np.swapaxes(before_S44[..., :3, :3], -1, -2)
    return assemble(turn_S33, after_S44[..., :3, 3] - before_S44[..., :3, 3])


def integrate_poses(first_44: Array, delta_S44: Array, *, frame: DeltaFrame = "end-effector") -> Array:
    """Return the poses (T, 4, 4) that begin with `first_44` and have these steps: the inverse of `pose_deltas`."""
    if frame == "end-effector":
        return _running_product(np.concatenate([first_44[None], delta_S44]))
    turns_T33 = np.concatenate([first_44[None, :3, :3], delta_S44[:, :3, :3]])
    rotation_T33 = np.swapaxes(_running_product(np.swapaxes(turns_T33, -1, -2)), -1, -2)
    return assemble(rotation_T33, integrate_vectors(first_44[:3, 3], delta_S44[:, :3, 3]))


def merge_pose_deltas(delta_S44: Array, rows_N: Rows, *, frame: DeltaFrame = "end-effector") -> Array:
    """Return the steps (..., N - 1, 4, 4) between the states `rows_N` of clips that have fewer frames than there are states.

    `rows_N` (..., N) rise and count states from 0, the one before the first step.

    Raises:
        ValueError: they do not.
    """
    _require_rising(rows_N, len(delta_S44))
    return pose_deltas(integrate_poses(np.eye(4), delta_S44, frame=frame)[rows_N], frame=frame)


def vector_deltas(state_TA: Array) -> Array:
    """Return the steps (..., S, A) between successive states, such as positions of joints."""
    return np.diff(np.asarray(state_TA, dtype=np.float64), axis=-2)


def integrate_vectors(first_A: Array, delta_SA: Array) -> Array:
    """Return the states (T, A) that begin with `first_A` and have these steps: the inverse of `vector_deltas`."""
    return np.cumsum(np.concatenate([first_A[None], delta_SA]), axis=0)


def merge_vector_deltas(delta_SA: Array, rows_N: Rows) -> Array:
    """Return the steps (..., N - 1, A) between the states `rows_N` (..., N), which rise and count from 0.

    Raises:
        ValueError: they do not.
    """
    _require_rising(rows_N, len(delta_SA))
    from_to = np.stack([rows_N[..., :-1], rows_N[..., 1:]], axis=-1)
    # Every second sum is of what lies between two steps, and dropped; the row of zeros lets a step end after the last.
    padded_SA = np.concatenate([delta_SA, np.zeros((1, delta_SA.shape[1]))])
    sums = np.add.reduceat(padded_SA, from_to.reshape(-1), axis=0)[::2]
    return np.asarray(sums.reshape(*from_to.shape[:-1], delta_SA.shape[1]), dtype=np.float64)


def _require_rising(rows_N: Rows, steps: int) -> None:
    if rows_N.size and (rows_N.min() < 0 or rows_N.max() > steps or (np.diff(rows_N) <= 0).any()):
        raise ValueError(f"the rows of states have to rise within 0 to {steps}, and are {rows_N}")


def _running_product(matrix_TNN: Array) -> Array:
    """Products of the first 1, 2, 3, … matrices, in a number of multiplications that grows as the logarithm of T."""
    product_TNN, reach = matrix_TNN.astype(np.float64), 1
    while reach < len(product_TNN):
        product_TNN[reach:] = product_TNN[:-reach] @ product_TNN[reach:]
        reach *= 2
    return product_TNN
