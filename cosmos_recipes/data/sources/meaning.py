"""What is known of a source's values beyond their shapes, as a data set file would say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cosmos_recipes.data.binding.spec import Form
from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.geometry.presets import POSE_PRESETS


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What the numbers of a value are; what is not known is left out.

    `pose` and `intrinsics` are conventions, those of `geometry.presets` by name. `names`, `unit` and `form` have one
    entry for each number of the last axis. `column` is the contract's column that it is most likely a part of, where
    its name does not say so.
    """

    pose: str | PoseConvention | None = None
    intrinsics: str | IntrinsicsConvention | None = None
    names: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    form: tuple[Form, ...] = ()
    column: str = ""

    @property
    def body(self) -> Literal["camera", "ego", "end-effector"] | None:
        """Whose pose it is; None if it is none."""
        if self.pose is None:
            return None
        convention = POSE_PRESETS[self.pose] if isinstance(self.pose, str) else self.pose
        return convention.body
