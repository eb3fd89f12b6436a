"""The values of a made-up recording, as its table holds them: canonical, so that they are bound as they are.

Legend: R rows, V views, K numbers of one value.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.contract import Column, Schema
from cosmos_recipes.data.geometry.poses import assemble, invert
from cosmos_recipes.data.geometry.rotations import from_axis_angle
from cosmos_recipes.data.synthesize.motion import Motion
from cosmos_recipes.data.synthesize.spec import SynthesisSpec, element_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

USUAL = {"bool": (0.0, 1.0), "uint8": (0.0, 255.0), "int32": (-100.0, 100.0), "int64": (-100.0, 100.0)}
"""Least and greatest numbers of a whole type, where the contract says none."""
EASY = frozenset(("finite", "not-empty"))
SPEED_M_S, CAMERA_TRAVEL_M, CAMERA_TURN_RAD = 5.0, 0.3, 0.1


def draw_values(schema: Schema, spec: SynthesisSpec, motion: Motion) -> dict[str, Any]:
    """Return a text, a number or an array for each column of the contract that is no video, by its own name.

    What changes with time has the rows first, and then views, as one value of several views is bound.
    """
    drawing = _Drawing(schema, spec, motion)
    return {name: drawing.value(column) for name, column in schema.columns.items() if column.kind != "video"}


def is_change(column: Column) -> bool:
    """Return whether the column's rows are changes, which add up; otherwise they are set-points."""
    return column.belongs_to == "step" and EASY.issuperset(column.rules) and not column.range and not _is_whole(column)


class _Drawing:
    def __init__(self, schema: Schema, spec: SynthesisSpec, motion: Motion) -> None:
        self.spec, self.motion, self.lengths = spec, motion, spec.lengths(schema)
        self.times_s_R = np.arange(spec.rows(schema)) / spec.rate_hz
        self.views = len(spec.view_names(schema))

    def value(self, column: Column) -> Any:
        match column.convention:
            case "world-to-camera":
                poses_VR44 = np.stack([self.camera(view) for view in range(self.views)])
                return poses_VR44.swapaxes(0, 1) if column.is_per_view else poses_VR44[0]
            case "intrinsics":
                row_4 = np.array([0.8, 0.8 * self.spec.width_px / self.spec.height_px, 0.5, 0.5])
                return np.tile(row_4, (self.views, 1)) if column.is_per_view else row_4
            case "future-points":
                return self.ego()
        if column.kind == "text":
            return self.motion.caption(float(self.times_s_R[self.spec.frames - 1]))
        return self.numbers(column)

    def camera(self, view: int) -> Array:
        """Return world-to-camera poses (R, 4, 4): cameras beside each other that move against the pattern."""
        moved_R3 = CAMERA_TRAVEL_M * self.motion.at(self.times_s_R, 3) * np.array([-1.0, -1.0, 1.0])
        turned_R3 = CAMERA_TURN_RAD * self.motion.at(self.times_s_R, 6)[:, 3:]
        moved_R3[:, 0] += 0.2 * view
        return invert(assemble(from_axis_angle(turned_R3), moved_R3))

    def ego(self) -> Array:
        """Return ego-to-world poses (R, 4, 4) of a vehicle that drives ahead and sways."""
        sway_R = self.motion.at(self.times_s_R, 1)[:, 0]
        zero_R = np.zeros_like(sway_R)
        position_R3 = np.stack([SPEED_M_S * self.times_s_R, sway_R, zero_R], axis=-1)
        return assemble(from_axis_angle(np.stack([zero_R, zero_R, 0.1 * sway_R], axis=-1)), position_R3)

    def numbers(self, column: Column) -> Any:
        """Return plain numbers, those of a recording as a single row would be."""
        timed = column.belongs_to != "recording"
        times_s_R = self.times_s_R if timed else self.times_s_R[:1]
        element = element_of(column, self.lengths)
        each = (self.views, *element) if column.is_per_view else element
        rows = self.rows(column, times_s_R, each, timed)
        typed = rows.astype(column.dtype or "float32")
        return typed if timed else typed[0]

    def rows(self, column: Column, times_s_R: Array, each: tuple[int, ...], timed: bool) -> Array:
        moved_RK = self.motion.at(times_s_R, max(1, prod(each)))
        values = moved_RK.reshape(len(times_s_R), *each)
        rules = set(column.rules)
        if "rigid" in rules or "rotation" in rules:
            return _turns(values)
        if "unit-norm" in rules:
            values[..., 0] += 2.0
            return np.asarray(values / np.linalg.norm(values, axis=-1, keepdims=True))
        if "monotone" in rules:
            return _rising(column, values, axis=0 if timed else 1)
        if is_change(column):
            ahead_RK = self.motion.at(times_s_R + 1 / self.spec.rate_hz, max(1, prod(each)))
            return np.asarray((ahead_RK - moved_RK).reshape(values.shape))
        return _within(column, values)


def _turns(values: Array) -> Array:
    """Return squares that are rotations by the first number, in the plane of their first two axes."""
    size = values.shape[-1]
    turns = np.broadcast_to(np.eye(size), values.shape).copy()
    if size > 1:
        cos, sin = np.cos(values[..., 0, 0]), np.sin(values[..., 0, 0])
        turns[..., 0, 0], turns[..., 0, 1], turns[..., 1, 0], turns[..., 1, 1] = cos, -sin, sin, cos
    return turns


def _rising(column: Column, values: Array, axis: int) -> Array:
    """Return numbers that rise along an axis: evenly through the column's range, or by one each."""
    count = values.shape[axis]
    steps = np.arange(count, dtype=np.float64)
    if column.range:
        low, high = column.range
        steps = np.ceil(low) + steps if _is_whole(column) else low + (high - low) * (steps + 1) / (count + 1)
    shape = [1] * values.ndim
    shape[axis] = count
    return np.broadcast_to(steps.reshape(shape), values.shape)


def _within(column: Column, values: Array) -> Array:
    """Return numbers inside of the column's range, or of what is usual for its type; whole ones for a whole type."""
    low, high = column.range or USUAL.get(column.dtype or "", (-1.0, 1.0))
    scaled = (low + high) / 2 + 0.45 * (high - low) * values
    return np.clip(np.round(scaled), np.ceil(low), np.floor(high)) if _is_whole(column) else scaled


def _is_whole(column: Column) -> bool:
    return column.dtype in USUAL


def bindings(schema: Schema) -> Iterator[tuple[str, Any]]:
    """Yield how a data set file binds each column that needs it to what `draw_values` makes."""
    presets = {"world-to-camera": "canonical", "intrinsics": "canonical", "future-points": "canonical-ego"}
    for name, column in schema.columns.items():
        if column.kind in ("video", "text"):
            continue
        said: dict[str, Any] = {"from": name}
        if column.convention:
            said["convention"] = presets[column.convention]
        if column.unit == "declared":
            said["unit"] = "1"
        if column.belongs_to == "step":
            said["form"] = "delta" if is_change(column) else "absolute"
        yield name, said if len(said) > 1 else name
