"""Columns of plain numbers: actions, states, labels; units converted, actions gathered between the frames of a clip.

Legend: N clips, R rows, T frames, S steps between them, A numbers of a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.data.binding.reader import Reader, Views
from cosmos_recipes.data.binding.units import factor
from cosmos_recipes.data.binding.window import Windows
from cosmos_recipes.data.contract import WHOLE, element_axes
from cosmos_recipes.data.geometry import actions
from cosmos_recipes.data.geometry.conventions import PoseConvention
from cosmos_recipes.data.geometry.forms import POSE_SHAPES
from cosmos_recipes.data.recording import Recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LEAST_SPREAD = 1e-3
"""Numbers of a recording that differ by less, in canonical units, are taken as one with noise."""
MOST_LOST = 0.01
"""How much of their spread numbers may lose as float32."""


@dataclass(frozen=True, kw_only=True)
class RowsReader(Reader):
    """What readers of rows of numbers share."""

    def numbers(self, recording: Recording, views: Views) -> Array:
        """Return the numbers in canonical units, (V, R, …) for a column of views, otherwise (R, …) or one value."""
        axes = element_axes(self.column)
        if self.column.is_per_view:
            return self._scaled(self.per_view(recording, views, axes), recording)
        parts = [self.raw(recording, name) for name in self.binding.sources]
        timed = self.column.belongs_to in ("frame", "step")
        if axes == 1:
            parts = [part[..., None] if part.ndim == int(timed) else part for part in parts]
        wanted = axes + timed
        if any(part.ndim != wanted for part in parts) or len({part.shape[:-1] for part in parts if axes}) > 1:
            shown = " and ".join(str(part.shape) for part in parts)
            self.fail_values(recording, f"{wanted} axes" + (", the first of them rows" if timed else ""), shown)
        return self._scaled(np.concatenate(parts, axis=-1) if axes else parts[0], recording)

    def each(self, said: str | tuple[str, ...] | None, default: str, count: int, recording: Recording) -> list[str]:
        """Return a setting for each number: it is said once for all, or once for each."""
        every = [said or default] * count if said is None or isinstance(said, str) else list(said)
        if len(every) != count:
            self.fail_values(recording, f"{len(every)} numbers, as its settings say", f"{count}")
        return every

    def require_kept(self, values: Array, recording: Recording) -> None:
        """Refuse numbers of which float32, as which columns are kept, would make others (CR518)."""
        finite = np.where(np.isfinite(values), values, 0)
        lost = np.abs(finite.astype(np.float32) - finite)
        if self.column.dtype in WHOLE:
            is_lost = bool(lost.any())
        else:
            rows = (-1, values.shape[-1] if element_axes(self.column) else 1)
            spread = np.ptp(finite.reshape(rows), axis=0)
            is_lost = bool(((spread > LEAST_SPREAD) & (lost.reshape(rows).max(0) > MOST_LOST * spread)).any())
        if is_lost:
            found = f"{finite.min():.12g} to {finite.max():.12g}"
            self.fail_values(recording, "numbers that float32 tells apart, such as those since the first one", found)

    def _scaled(self, values: Array, recording: Recording) -> Array:
        if self.binding.select is not None:
            most = max(self.binding.select)
            if values.shape[-1] <= most:
                self.fail_values(recording, f"at least {most + 1} numbers", f"{values.shape[-1]}")
            values = values[..., list(self.binding.select)]
        count = values.shape[-1] if element_axes(self.column) else 1
        self.each(self.binding.names, "", count, recording)
        factors = [factor(unit) for unit in self.each(self.binding.unit, "1", count, recording)]
        return np.asarray(values * (np.array(factors) if element_axes(self.column) else factors[0]), np.float64)


@dataclass(frozen=True, kw_only=True)
class NumbersReader(RowsReader):
    """Reads rows of numbers; those of a column without time stay as they are."""

    def read(self, recording: Recording, views: Views) -> Array:
        """See `RowsReader.numbers`."""
        values = self.numbers(recording, views)
        self.require_kept(values, recording)
        return values

    def clips(self, values: Array, windows: Windows) -> Array:
        """Return the rows nearest to the frames."""
        if self.column.belongs_to == "recording":
            own = values[:, 0] if self.column.is_per_view else values
            return np.broadcast_to(own, (len(windows), *own.shape))
        rows_NT = windows.nearest_NT if self.rows(values) is not None else np.zeros_like(windows.frames_NT)
        if self.column.is_per_view:
            return np.stack([own_R[rows_NT] for own_R in values], axis=1)
        return values[rows_NT]

    def rows(self, values: Array) -> int | None:
        """See `Reader.rows`."""
        if self.column.belongs_to == "recording":
            return None
        rows = int(values.shape[1 if self.column.is_per_view else 0])
        return None if self.column.is_per_view and rows == 1 else rows

    def numbers_each(self, values: Array) -> int | None:
        """See `Reader.numbers_each`."""
        return int(values.shape[-1]) if element_axes(self.column) else None


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Rows of actions, and what each number of them is: a set-point, a change, or a state; the first may be poses."""

    values_RA: Array
    forms: tuple[str, ...]
    pose_R44: Array | None


@dataclass(frozen=True, kw_only=True)
class StepsReader(RowsReader):
    """Reads actions: what leads from one frame to the next. The first numbers may be a `pose`, whose changes compose.

    Row r leads from the moment of row r to that of the next: changes are added up or composed over the rows from one
    frame to the next, of set-points the last one before the next frame counts, of states the change is taken.
    """

    pose: PoseConvention | None = None

    def read(self, recording: Recording, views: Views) -> Steps:
        """Return the rows, in canonical units."""
        values_RA = self.numbers(recording, views)
        forms = self.each(self.binding.form, "absolute", values_RA.shape[-1], recording)
        self.require_kept(np.where(np.array(forms) == "difference", 0, values_RA), recording)
        pose_R44 = self.pose.to_canonical(values_RA[:, : self._composed]) if self.pose else None
        return Steps(values_RA=values_RA, forms=tuple(forms), pose_R44=pose_R44)

    def rows(self, values: Steps) -> int | None:
        """See `Reader.rows`."""
        return len(values.values_RA)

    def numbers_each(self, values: Steps) -> int | None:
        """See `Reader.numbers_each`."""
        return len(values.forms)

    def covers(self, values: Steps, windows: Windows) -> NDArray[np.bool_]:
        """See `Reader.covers`."""
        # The last action may be left out, where it leads past the end; the last state may not.
        last = len(values.values_RA) - ("difference" in values.forms)
        return super().covers(values, windows) & windows.are_rising_N & (windows.nearest_NT[:, -1] <= last)

    def clips(self, values: Steps, windows: Windows) -> Array:
        """Return the actions (N, S, A) between the frames."""
        rows_NT, forms = windows.nearest_NT, np.array(values.forms)
        action_NSA = np.empty((len(rows_NT), rows_NT.shape[1] - 1, len(forms)))
        if self.pose and values.pose_R44 is not None:
            action_NSA[..., : self._composed] = self._poses(self.pose, values.pose_R44, rows_NT, values.forms[0])
        for form in dict.fromkeys(values.forms[self._composed :]):
            own = np.flatnonzero((forms == form) & (np.arange(len(forms)) >= self._composed))
            action_NSA[..., own] = _vectors(values.values_RA[:, own], rows_NT, form)
        return action_NSA

    @property
    def _composed(self) -> int:
        """How many numbers, from the first on, are a pose."""
        return POSE_SHAPES[self.pose.form][0] if self.pose else 0

    def _poses(self, pose: PoseConvention, pose_R44: Array, rows_NT: NDArray[np.int64], form: str) -> Array:
        frame = self.binding.relative_to or "end-effector"
        if form == "absolute":
            return pose.from_canonical(pose_R44[rows_NT[:, 1:] - 1])
        if form == "delta":
            return pose.from_canonical(actions.merge_pose_deltas(pose_R44, rows_NT, frame=frame))
        return pose.from_canonical(actions.pose_deltas(pose_R44[rows_NT], frame=frame))


def _vectors(values_RA: Array, rows_NT: NDArray[np.int64], form: str) -> Array:
    if form == "absolute":
        return values_RA[rows_NT[:, 1:] - 1]
    if form == "delta":
        return actions.merge_vector_deltas(values_RA, rows_NT)
    return actions.vector_deltas(values_RA[rows_NT])
