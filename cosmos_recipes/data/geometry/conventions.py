"""The conventions of a source's poses and intrinsics, as a data set file declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from cosmos_recipes.data.geometry.kinds import (
    AngleUnit,
    Axes,
    Direction,
    EulerKind,
    EulerOrder,
    LengthUnit,
    PoseForm,
    QuaternionOrder,
)
from cosmos_recipes.diagnostics import fail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_USED_BY: dict[str, tuple[PoseForm, ...]] = {
    "quaternion_order": ("position-quaternion",),
    "euler_order": ("position-euler",),
    "euler_kind": ("position-euler",),
    "angle_unit": ("position-euler", "position-axis-angle"),
}


class PoseConvention(BaseModel):
    """How a source writes a pose.

    Canonical are world-to-camera with OpenCV axes, ego-to-world with x forward, y left, z up, and end-effector-to-base,
    in metres.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: PoseForm = Field(description="How the numbers of one pose are laid out.")
    direction: Direction = Field(description="From which frame to which the pose takes coordinates.")
    axes: Axes | None = Field(None, description="Where x, y and z of the camera or vehicle point.")
    length_unit: LengthUnit = Field(
        "m", description="Unit of positions; arbitrary for poses found from pictures alone, whose scale is kept."
    )
    quaternion_order: QuaternionOrder | None = Field(
        None, description="Whether the scalar stands first or last in a quaternion."
    )
    euler_order: EulerOrder | None = Field(
        None, description="The axes of the three turns in the order in which the angles stand."
    )
    euler_kind: EulerKind | None = Field(
        None, description="Whether turns are about axes of the fixed frame, or of the frame as turned so far."
    )
    angle_unit: AngleUnit | None = Field(None, description="Unit of angles.")

    @model_validator(mode="after")
    def _has_what_its_form_needs(self) -> Self:
        for name, forms in _USED_BY.items():
            given = getattr(self, name) is not None
            if given != (self.form in forms):
                raise ValueError(f"`form: {self.form}` {'has no' if given else 'needs'} `{name}`")
        given = self.axes is not None
        if given != (self.body != "end-effector"):
            raise ValueError(f"`direction: {self.direction}` {'has no' if given else 'needs'} `axes`")
        return self

    def to_canonical(self, values: Any) -> Array:
        """Return the poses (T, 4, 4) in canonical form; `values` holds a pose of this form for each moment.

        Raises:
            RecipeError: the values have another shape (CR560), or are no poses (CR561).
        """
        from cosmos_recipes.data.geometry import forms, poses

        pose_T44 = forms.read_poses(values, self)
        if self.axes:
            pose_T44 = poses.change_axes(
                pose_T44, source=self.axes, target=self._canonical_axes, to_world=self._leads_to_world
            )
        return pose_T44 if self._is_canonical_direction else poses.invert(pose_T44)

    def from_canonical(self, pose_T44: Array) -> Array:
        """Return what the source would hold for these poses: the inverse of `to_canonical`."""
        from cosmos_recipes.data.geometry import forms, poses

        if not self._is_canonical_direction:
            pose_T44 = poses.invert(pose_T44)
        if self.axes:
            pose_T44 = poses.change_axes(
                pose_T44, source=self._canonical_axes, target=self.axes, to_world=self._leads_to_world
            )
        return forms.write_poses(pose_T44, self)

    @property
    def body(self) -> Literal["camera", "ego", "end-effector"]:
        """Whose pose it is."""
        return "camera" if "camera" in self.direction else "ego" if "ego" in self.direction else "end-effector"

    @property
    def _leads_to_world(self) -> bool:
        return not self.direction.startswith("world-")

    @property
    def _is_canonical_direction(self) -> bool:
        return self.direction not in ("camera-to-world", "world-to-ego")

    @property
    def _canonical_axes(self) -> Axes:
        return "opencv" if self.body == "camera" else "flu"


class IntrinsicsConvention(BaseModel):
    """How a source writes intrinsics. Canonical is `(fx, fy, cx, cy)` divided by the picture's width and height."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["row-4", "matrix-3x3"] = Field(
        description="Whether the numbers are fx, fy, cx and cy or a camera matrix."
    )
    unit: Literal["pixels", "normalised"] = Field(
        description="Whether the numbers count pixels, or are divided by the picture's width and height."
    )
    width_px: PositiveInt | None = Field(
        None, description="Width of the picture that pixels are counted in, if not that of the video."
    )
    height_px: PositiveInt | None = Field(
        None, description="Height of the picture that pixels are counted in, if not that of the video."
    )
    pixel_origin: Literal["corner", "centre"] = Field(
        "corner", description="Whether pixels are counted from the corner or the centre of the upper left one."
    )

    @model_validator(mode="after")
    def _has_what_its_unit_needs(self) -> Self:
        if (self.width_px is None) != (self.height_px is None):
            raise ValueError("`width_px` and `height_px` are given together")
        if self.unit == "normalised" and (self.width_px or self.pixel_origin == "centre"):
            raise ValueError("`unit: normalised` has no `width_px`, `height_px` or `pixel_origin: centre`")
        return self

    def to_canonical(self, values: Any, *, width_px: int | None = None, height_px: int | None = None) -> Array:
        """Return the normalised intrinsics (T, 4); the size is the video's, used where the convention declares none.

        Raises:
            RecipeError: the values have another shape (CR560), or are no intrinsics in this unit (CR562).
        """
        from cosmos_recipes.data.geometry import forms

        width, height = self._size_px(width_px, height_px)
        return forms.read_intrinsics(values, self, width_px=width, height_px=height)

    def from_canonical(
        self, intrinsics_T4: Array, *, width_px: int | None = None, height_px: int | None = None
    ) -> Array:
        """Return what the source would hold for these intrinsics: the inverse of `to_canonical`."""
        from cosmos_recipes.data.geometry import forms

        width, height = self._size_px(width_px, height_px)
        return forms.write_intrinsics(intrinsics_T4, self, width_px=width, height_px=height)

    def _size_px(self, width_px: int | None, height_px: int | None) -> tuple[int, int]:
        if self.unit == "normalised":
            return 1, 1
        width, height = self.width_px or width_px, self.height_px or height_px
        if not width or not height:
            fail(
                "CR562",
                "intrinsics in pixels of a picture whose size is not known",
                expected="`width_px` and `height_px` beside `unit: pixels`, or a video that can be opened",
            )
        return width, height
