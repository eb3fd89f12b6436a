"""Where the gripper of the world `factory` goes, by a tracker of its colour, against where the actions take it.

On true video of 64 x 64 pixels it is off by 0.4 px, and by 0.7 where a blur of 1.5 px takes half of its colour.
"""

from __future__ import annotations

import numpy as np

from cosmos_recipes.data.geometry.rotations import Array
from cosmos_recipes.evaluation.estimators.hand import find_hand, hand_at
from cosmos_recipes.evaluation.tasks.base import Quantity, Row, Setting, TaskMetric, Video

NEAR_SHARE = 4 / 64
"""How near, as a share of the picture's height, the gripper must end."""


class Gripper(TaskMetric):
    """End-effector error in pictures of the world `factory`; its camera is known and the arm's hand has its own colour.

    A video without a hand is as wrong as the picture is wide: a model must not win by painting none.
    """

    quantities = (
        Quantity(
            name="end_effector_px",
            label="Gripper",
            unit="px",
            meaning="How far the gripper is from where the actions take it, mean over the predicted frames.",
        ),
        Quantity(
            name="end_effector_hits",
            label="Gripper at the end",
            unit="",
            meaning="Share of clips in which the gripper ends within a sixteenth of the picture’s height, 4 px of 64.",
            less_is_better=False,
        ),
    )
    columns = ("action", "state")
    rank = 0

    def applies(self, setting: Setting) -> bool:
        """Return whether these are clips of the factory, with its state."""
        return super().applies(setting) and setting.world == "factory"

    def know(self, truth: Video, row: Row) -> Array:
        """See `TaskMetric.know`."""
        height_px, width_px = truth.video_CTHW.shape[-2:]
        return hand_at(row["state"][:, :2].astype(np.float64), height_px=height_px, width_px=width_px)

    def measure(self, video: Video, known: Array) -> dict[str, float]:
        """See `TaskMetric.measure`."""
        (frames_THW3,) = video.views
        height, width = frames_THW3.shape[1:3]
        off_px_T = np.linalg.norm(find_hand(frames_THW3) - known, axis=1)
        off_px_T = np.where(np.isnan(off_px_T), width, off_px_T)[video.setting.given_frames :]
        return {
            "end_effector_px": float(off_px_T.mean()),
            "end_effector_hits": float(off_px_T[-1] <= NEAR_SHARE * height),
        }
