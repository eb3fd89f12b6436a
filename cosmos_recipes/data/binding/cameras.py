"""Columns of cameras and vehicles: poses, intrinsics that follow scaling and cropping, points to come.

Legend: N clips, V views, R rows, T frames, M moments, P points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.data.binding.reader import Reader, Views
from cosmos_recipes.data.binding.spec import POINTS, RATE_HZ
from cosmos_recipes.data.binding.window import Windows
from cosmos_recipes.data.geometry import intrinsics, poses
from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.geometry.forms import INTRINSICS_SHAPES, POSE_SHAPES
from cosmos_recipes.data.geometry.trajectories import future_points, known_points
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

    def covers(self, values: Array, windows: Windows) -> NDArray[np.bool_]:
        """Return which clips (N) lie between the first row and the last; all, of cameras that do not move."""
        return np.ones(len(windows), np.bool_) if self.rows(values) is None else windows.are_between_N

    def clips(self, values: Array, windows: Windows) -> Array:
        """Return world-to-camera (N, [V,] T, 4, 4), between rows interpolated; the world is the source's, or the first camera's."""
        if self.rows(values) is None:
            camera_VM44 = np.repeat(values, len(windows.moments_s_M), axis=1)
        elif windows.are_at_rows:
            camera_VM44 = values
        else:
            camera_VM44 = np.stack(
                [poses.interpolate(own_R44, windows.rows_s_R, windows.moments_s_M) for own_R44 in values]
            )
        camera_NVT44 = np.stack([own_M44[windows.frames_NT] for own_M44 in camera_VM44], axis=1)
        if self.column.frame == "first-camera":
            clips, views, frames, *_ = camera_NVT44.shape
            flat_NT44 = camera_NVT44.reshape(clips, views * frames, 4, 4)
            camera_NVT44 = poses.relative_to_first(flat_NT44, to_world=True).reshape(camera_NVT44.shape)
        world_to_camera_NVT44 = poses.invert(camera_NVT44)
        return world_to_camera_NVT44 if self.column.is_per_view else world_to_camera_NVT44[:, 0]


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

    def clips(self, values: Array, windows: Windows) -> Array:
        """Return normalised intrinsics (N, [V,] T, 4) of the pictures after scaling and cropping."""
        rows_NT = windows.nearest_NT if self.rows(values) is not None else np.zeros_like(windows.frames_NT)
        fitted = [self._fitted(own_R, fit)[rows_NT] for own_R, fit in zip(values, windows.fits, strict=False)]
        return np.stack(fitted, axis=1) if self.column.is_per_view else fitted[0]

    def _fitted(self, values_R: Array, fit: Fitted) -> Array:
        own_R4 = self.convention.to_canonical(values_R, width_px=fit.source_width_px, height_px=fit.source_height_px)
        return intrinsics.crop(
            own_R4,
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

    def numbers_each(self, values: Array) -> int | None:
        """Return how many points a clip has."""
        return self.count

    def covers(self, values: Array, windows: Windows) -> NDArray[np.bool_]:
        """Return which clips (N) the recording goes on after without a hole, until the last of their points."""
        first_s_N = _first_s(windows)
        known_N = known_points(windows.rows_s_R, at_s=first_s_N, count=self.count, rate_hz=self.rate_hz)
        ahead_s_NP = first_s_N[:, None] + np.arange(self.count + 1) / self.rate_hz
        places_NP = np.arange(ahead_s_NP.size).reshape(ahead_s_NP.shape)
        ahead = replace(windows, moments_s_M=ahead_s_NP.ravel(), frames_NT=places_NP, are_at_rows=False)
        return np.asarray((known_N == self.count) & ahead.are_covered_N)

    def clips(self, values: Array, windows: Windows) -> Array:
        """Return the points (N, P, 3) after the first frame."""
        points_m_NP3, _ = future_points(
            values, windows.rows_s_R, at_s=_first_s(windows), count=self.count, rate_hz=self.rate_hz
        )
        return points_m_NP3

    @property
    def count(self) -> int:
        """Number of points."""
        return self.binding.points or POINTS

    @property
    def rate_hz(self) -> float:
        """Points in a second."""
        return self.binding.rate or RATE_HZ


def _first_s(windows: Windows) -> Array:
    """Return the moment of the first frame of each clip (N)."""
    return np.asarray(windows.moments_s_M[windows.frames_NT[:, 0]])
