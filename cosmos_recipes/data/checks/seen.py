"""What is known of one recording once it was looked into: its rows, its pictures, and what stops it.

Legend: R rows, V views; the axis of views stands behind that of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.binding.bind import Binding, BoundRecording
from cosmos_recipes.data.binding.cameras import IntrinsicsReader
from cosmos_recipes.data.checks.pictures import Decode, Still, look_at_pictures
from cosmos_recipes.data.checks.turning import Turning, compare_readings
from cosmos_recipes.data.contract import FRAMES, STEPS, Column, holds
from cosmos_recipes.data.index.look import STAGES, Cut, Opened, Stage, cut, numbers_of, open_recording
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
    opened = open_recording(recording, binding, clip)
    found = cut(opened, binding, clip)
    seen = Seen(recording=recording, stage=found.stage, problems=found.problems, bound=opened.bound)
    if found.stage == "found":
        return replace(seen, row=_row_of(opened, binding))
    seen = _with_rows(seen, opened, found, binding, clip)
    return seen if decode == "none" else _with_pictures(seen, binding, clip, decode)


def _with_rows(seen: Seen, opened: Opened, found: Cut, binding: Binding, clip: ClipSpec) -> Seen:
    assert opened.bound is not None
    schema = binding.schema.columns
    return replace(
        seen,
        probes=opened.probes,
        rows_s=opened.rows_s,
        columns={name: _rows_first(schema[name], a) for name, a in opened.whole.items() if _changes(schema[name])},
        ego=binding.ego_to_world(opened.bound),
        shapes=_shapes(opened, found, binding, clip) if found.stage == "aligned" else {},
        windows=len(found.frames_NVT) + found.uncovered,
        clips=len(found.frames_NVT),
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
    if seen.bound is None or seen.rows_s is None:
        return None
    camera_to_world_VR44 = binding.camera_to_world(seen.bound).get(name)
    if camera_to_world_VR44 is None or camera_to_world_VR44.shape[1] < 2:
        return None
    lens = next((seen.columns[n] for n, each in binding.readers.items() if isinstance(each, IntrinsicsReader)), None)
    return compare_readings(
        seen.bound.media,
        seen.probes[0],
        camera_to_world_VR44[0],
        seen.rows_s,
        None if lens is None else lens.reshape(len(lens), -1, 4)[0, 0],
        height_px=clip.height_px,
        width_px=clip.width_px,
    )


def _shapes(opened: Opened, found: Cut, binding: Binding, clip: ClipSpec) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the columns of a clip: those of the whole recording, but of as many frames."""
    columns = binding.schema.columns
    of_clip: dict[str | int, int] = {FRAMES: clip.frames, STEPS: clip.frames - 1}
    shapes: dict[str, tuple[int, ...]] = {
        name: tuple(of_clip.get(axis, length) for axis, length in zip(columns[name].shape, array.shape, strict=True))
        for name, array in opened.whole.items()
    }
    if len(shapes) < len(binding.readers):
        first = numbers_of(opened, found.frames_NVT[:1], binding, clip)
        shapes = {name: array.shape[1:] for name, array in first.items()}
    return {"views": (len(opened.probes),), **shapes}


def _changes(column: Column) -> bool:
    return column.belongs_to in ("frame", "step")


def _rows_first(column: Column, array: Array) -> Array:
    return np.moveaxis(array, 0, 1) if column.is_per_view else array


def _row_of(opened: Opened, binding: Binding) -> int | None:
    """Return the row at which a recording that was refused is wrong; None where it is no row's fault."""
    times_s, code = opened.recording.times_s, opened.problems[0].code
    if code == "CR522" and times_s is not None:
        return int(np.argmin(np.diff(times_s) > 0)) + 1
    if code != "CR513":
        return None
    for name, array in opened.whole.items():
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
