"""Columns of cameras and vehicles: poses, intrinsics that follow scaling and cropping, points to come.

Legend: V views, R rows, T frames, N points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.data.binding.reader import Reader, Views
from cosmos_recipes.data.binding.spec import POINTS, RATE_HZ
from cosmos_recipes.data.binding.window import Window
from cosmos_recipes.data.geometry import intrinsics, poses
from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.geometry.forms import INTRINSICS_SHAPES, POSE_SHAPES
from cosmos_recipes.data.geometry.trajectories import future_points
from cosmos_recipes.data.recording import Recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.data.decode.fitting import Fitted

    Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PosesReader(Reader):
    """Reads where cameras are; `mount` is the convention of what carries them, if their poses are relative to that."""

    convention: PoseConvention
    mount: PoseConvention | None = None

    @property
    def mounted_on(self) -> str | None:
        """The source's name of the poses of what carries the cameras, if theirs are relative to that."""
        return self.binding.mounted_on.source if self.binding.mounted_on else None

    def read(self, recording: Recording, views: Views) -> Array:
        """Return camera-to-world (V, R, 4, 4), R being 1 for cameras that do not move."""
        camera_VR44 = poses.invert(
            self.convention.to_canonical(self.per_view(recording, views, self._element_axes(recording)))
        )
        if self.mount is None or self.mounted_on is None:
            return camera_VR44
        ego_R44 = self.mount.to_canonical(self.raw(recording, self.mounted_on))
        rows = camera_VR44.shape[1]
        if ego_R44.ndim > 3 or (ego_R44.ndim == 3 and 1 not in (rows, len(ego_R44)) and rows != len(ego_R44)):
            self.fail_values(
                recording, f"{rows} poses of `{self.mounted_on}`, one for each of the cameras", f"{ego_R44.shape}"
            )
        return np.asarray(ego_R44 @ camera_VR44)

    def _element_axes(self, recording: Recording) -> int:
        """Return 2 for matrices; rows of 12 may come as matrices of 3x4 too."""
        is_matrix = self.raw(recording, self.binding.sources[0]).shape[-2:] == (3, 4)
        return 2 if self.convention.form == "row-12" and is_matrix else len(POSE_SHAPES[self.convention.form])

    def rows(self, values: Array) -> int | None:
        """See `Reader.rows`."""
        return None if values.shape[1] == 1 else int(values.shape[1])

    def clip(self, values: Array, window: Window) -> Array | None:
        """Return world-to-camera ([V,] T, 4, 4), between rows interpolated; the world is the source's, or the first camera's."""
        if values.shape[1] == 1:
            camera_VT44 = np.repeat(values, len(window.frames_s_T), axis=1)
        elif not window.is_between:
            return None
        else:
            camera_VT44 = np.stack(
                [poses.interpolate(own_R44, window.rows_s_R, window.frames_s_T) for own_R44 in values]
            )
        if self.column.frame == "first-camera":
            flat_N44 = poses.relative_to_first(camera_VT44.reshape(-1, 4, 4), to_world=True)
            camera_VT44 = flat_N44.reshape(camera_VT44.shape)
        world_to_camera_VT44 = poses.invert(camera_VT44)
        return world_to_camera_VT44 if self.column.is_per_view else world_to_camera_VT44[0]


@dataclass(frozen=True, kw_only=True)
class IntrinsicsReader(Reader):
    """Reads intrinsics, and makes them those of the clip's pictures."""

    convention: IntrinsicsConvention

    def read(self, recording: Recording, views: Views) -> Array:
        """Return the source's intrinsics (V, R, …), R being 1 where they do not change."""
        return self.per_view(recording, views, len(INTRINSICS_SHAPES[self.convention.form]))

    def rows(self, values: Array) -> int | None:
        """See `Reader.rows`."""
        return None if values.shape[1] == 1 else int(values.shape[1])

    def clip(self, values: Array, window: Window) -> Array | None:
        """Return normalised intrinsics ([V,] T, 4) of the pictures after scaling and cropping."""
        if values.shape[1] > 1 and not window.is_covered:
            return None
        rows_T = window.nearest_T if values.shape[1] > 1 else np.zeros(len(window.frames_s_T), np.int64)
        fitted_VT4 = np.stack(
            [self._fitted(own_R[rows_T], fit) for own_R, fit in zip(values, window.fits, strict=False)]
        )
        return fitted_VT4 if self.column.is_per_view else fitted_VT4[0]

    def _fitted(self, values_T: Array, fit: Fitted) -> Array:
        own_T4 = self.convention.to_canonical(values_T, width_px=fit.source_width_px, height_px=fit.source_height_px)
        return intrinsics.crop(
            own_T4,
            height=fit.scaled_height_px,
            width=fit.scaled_width_px,
            top_px=fit.top_px,
            left_px=fit.left_px,
            height_px=fit.height_px,
            width_px=fit.width_px,
        )


@dataclass(frozen=True, kw_only=True)
class FuturePointsReader(Reader):
    """Reads where a vehicle goes."""

    convention: PoseConvention

    def read(self, recording: Recording, views: Views) -> Array:
        """Return ego-to-world (R, 4, 4)."""
        return self.convention.to_canonical(self.raw(recording, self.binding.sources[0]))

    def rows(self, values: Array) -> int | None:
        """See `Reader.rows`."""
        return len(values)

    def clip(self, values: Array, window: Window) -> Array | None:
        """Return the points (N, 3) after the first frame; None where the recording ends before the last of them, or has a hole."""
        count, rate_hz, at_s = self.binding.points or POINTS, self.binding.rate or RATE_HZ, float(window.frames_s_T[0])
        points_m_N3, known = future_points(values, window.rows_s_R, at_s=at_s, count=count, rate_hz=rate_hz)
        ahead = replace(window, frames_s_T=at_s + np.arange(count + 1) / rate_hz)
        return points_m_N3 if known == count and ahead.is_covered else None
