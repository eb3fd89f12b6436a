"""Controls played backwards: the way back of a camera or a vehicle, and actions that undo what was done.

Legend: R rows, M moments, A numbers of an action, P numbers of it that are a pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.geometry import poses
from cosmos_recipes.data.geometry.conventions import PoseConvention
from cosmos_recipes.data.geometry.kinds import DeltaFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def reversed_poses(to_world_R44: Array, times_s_R: Array, moments_s_M: Array) -> Array:
    """Return the poses (M, 4, 4) at moments, which begin at 0 and rise, of a way from the last of them back to 0."""
    return poses.interpolate(to_world_R44, times_s_R, moments_s_M[-1] - moments_s_M)


def reversed_actions(
    rows_RA: Array, forms: Sequence[str], *, pose: PoseConvention | None = None, frame: DeltaFrame = "end-effector"
) -> Array:
    """Return rows that lead back through what these rows led through; rows are one for each step, or states.

    Changes are undone, the last first. A set-point is that of the step before, as that is where the step began; the
    first step's own begin is not known, and its set-point stands in. States come in the opposite order.
    """
    back_RA = np.ascontiguousarray(rows_RA[::-1])
    composed = _numbers(pose) if pose else 0
    for column, form in enumerate(forms):
        if form == "absolute":
            back_RA[:, column] = np.concatenate([rows_RA[-2::-1, column], rows_RA[:1, column]])
        elif form == "delta" and column >= composed:
            back_RA[:, column] *= -1
    if pose and forms[0] == "delta":
        back_RA[:, :composed] = pose.from_canonical(_undone(pose.to_canonical(back_RA[:, :composed]), frame))
    return back_RA


def _undone(delta_R44: Array, frame: DeltaFrame) -> Array:
    """Return the steps of poses that undo these: in the frame of the base, turns and shifts are undone each alone."""
    if frame == "end-effector":
        return poses.invert(delta_R44)
    return poses.assemble(np.swapaxes(delta_R44[:, :3, :3], -1, -2), -delta_R44[:, :3, 3])


def _numbers(pose: PoseConvention) -> int:
    from cosmos_recipes.data.geometry.forms import POSE_SHAPES

    shape: Any = POSE_SHAPES[pose.form]
    return int(shape[0])
