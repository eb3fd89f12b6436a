"""What is known of one recording once it was looked into: its rows, its pictures, and what stops it.

Legend: R rows, V views; the axis of views stands behind that of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.binding.bind import Binding, BoundRecording
from cosmos_recipes.data.binding.cameras import FuturePointsReader, IntrinsicsReader, PosesReader
from cosmos_recipes.data.checks.pictures import Decode, Still, look_at_pictures
from cosmos_recipes.data.checks.turning import Turning, compare_readings
from cosmos_recipes.data.contract import Column, holds
from cosmos_recipes.data.index.look import STAGES, Looked, Stage, look_into, whole_recording
from cosmos_recipes.data.index.windows import ClipSpec
from cosmos_recipes.data.probe import Probe
from cosmos_recipes.data.recording import Media, Recording
from cosmos_recipes.diagnostics import Problem, RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One recording. `columns` are those of its numbers that change with time, over all rows, canonical.

    `ego` are poses of vehicles (R, 4, 4), ego-to-world, by the column that they are bound to. `row` is where the first
    problem is, if that is known. `windows` are clips that it is long enough for, `clips` those whose values are known.
    """

    recording: Recording
    stage: Stage
    problems: tuple[Problem, ...] = ()
    row: int | None = None
    bound: BoundRecording | None = None
    probes: tuple[Probe, ...] = ()
    rows_s: NDArray[np.float64] | None = None
    columns: Mapping[str, Array] = field(default_factory=dict)
    ego: Mapping[str, Array] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    windows: int = 0
    clips: int = 0
    stills: tuple[Still, ...] = ()
    turnings: Mapping[str, Turning] = field(default_factory=dict)
    decoded_frames: int = 0

    @property
    def name(self) -> str:
        """The recording's name."""
        return self.recording.name

    @property
    def views(self) -> Mapping[str, Media]:
        """The views that are used, by the contract's names; the source's own where it could not be bound."""
        return self.bound.views if self.bound else self.recording.views

    @property
    def file(self) -> str:
        """The file of the first view."""
        return str(next(iter(self.views.values())).path)

    @property
    def numbers(self) -> int:
        """How many numbers there are in its rows."""
        return sum(array.size for array in self.columns.values())

    def has_come_to(self, stage: Stage) -> bool:
        """Return whether it comes as far as that."""
        return STAGES.index(self.stage) >= STAGES.index(stage)


def see(recording: Recording, binding: Binding, clip: ClipSpec, decode: Decode) -> Seen:
    """Look into a recording, at all of its rows, and at as many of its pictures as `decode` says."""
    looked = look_into(recording, binding, clip)
    seen = Seen(recording=recording, stage=looked.stage, problems=looked.problems, bound=looked.bound)
    if looked.stage == "found":
        return replace(seen, row=_row_of(looked, binding, clip))
    seen = _with_rows(seen, looked, binding, clip)
    return seen if decode == "none" else _with_pictures(seen, binding, clip, decode)


def _with_rows(seen: Seen, looked: Looked, binding: Binding, clip: ClipSpec) -> Seen:
    bound = looked.bound
    assert bound is not None
    rows_s = binding.rows_s(bound, np.asarray(looked.probes[0].times_s))
    whole = whole_recording(bound, binding, looked.probes, rows_s, clip)
    schema = binding.schema.columns
    return replace(
        seen,
        probes=looked.probes,
        rows_s=rows_s,
        columns={name: _rows_first(schema[name], a) for name, a in whole.items() if _changes(schema[name])},
        ego={
            name: bound.values[name] for name, each in binding.readers.items() if isinstance(each, FuturePointsReader)
        },
        shapes=_shapes(looked),
        windows=len(looked.frames_VT) + looked.uncovered,
        clips=len(looked.frames_VT),
    )


def _with_pictures(seen: Seen, binding: Binding, clip: ClipSpec, decode: Decode) -> Seen:
    stills: list[Still] = []
    frames = 0
    try:
        for (view, media), probe in zip(seen.views.items(), seen.probes, strict=True):
            found = look_at_pictures(view, media, probe, decode)
            stills += found.stills
            frames += found.frames
        turnings = {name: _turning(seen, name, binding, clip) for name in seen.columns}
    except RecipeError as error:
        return replace(seen, stage="found", problems=error.problems, clips=0, windows=0)
    known = {name: turning for name, turning in turnings.items() if turning is not None}
    return replace(seen, stills=tuple(stills), decoded_frames=frames, turnings=known)


def _turning(seen: Seen, name: str, binding: Binding, clip: ClipSpec) -> Turning | None:
    """Compare the poses of the first view with its pictures."""
    if not isinstance(binding.readers[name], PosesReader) or seen.bound is None or seen.rows_s is None:
        return None
    camera_to_world_R44 = seen.bound.values[name][0]
    if len(camera_to_world_R44) < 2:
        return None
    lens = next((seen.columns[n] for n, each in binding.readers.items() if isinstance(each, IntrinsicsReader)), None)
    return compare_readings(
        seen.bound.media,
        seen.probes[0],
        camera_to_world_R44,
        seen.rows_s,
        None if lens is None else lens.reshape(len(lens), -1, 4)[0, 0],
        height_px=clip.height_px,
        width_px=clip.width_px,
    )


def _changes(column: Column) -> bool:
    return column.belongs_to in ("frame", "step")


def _rows_first(column: Column, array: Array) -> Array:
    return np.moveaxis(array, 0, 1) if column.is_per_view else array


def _shapes(looked: Looked) -> dict[str, tuple[int, ...]]:
    if not looked.columns:
        return {}
    return {"views": (len(looked.probes),), **{name: array.shape for name, array in looked.columns[0].items()}}


def _row_of(looked: Looked, binding: Binding, clip: ClipSpec) -> int | None:
    """Return the row at which a recording that was refused is wrong; None where it is no row's fault."""
    times_s, code = looked.recording.times_s, looked.problems[0].code
    if code == "CR522" and times_s is not None:
        return int(np.argmin(np.diff(times_s) > 0)) + 1
    if code != "CR513" or looked.bound is None:
        return None
    rows_s = binding.rows_s(looked.bound, np.asarray(looked.probes[0].times_s))
    whole = whole_recording(looked.bound, binding, looked.probes, rows_s, clip)
    for name, array in whole.items():
        column = binding.schema.columns[name]
        if _changes(column):
            wrong = [row for row, value in enumerate(_rows_first(column, array)) if not _is_right(column, value)]
            if wrong:
                return wrong[0]
    return None


def _is_right(column: Column, value: Array) -> bool:
    """Return whether what the contract says of each value holds of one row."""
    low, high = column.range or (-np.inf, np.inf)
    of_each = (rule for rule in column.rules if rule != "monotone")
    return bool((value >= low).all() and (value <= high).all()) and all(holds(rule, value) for rule in of_each)
