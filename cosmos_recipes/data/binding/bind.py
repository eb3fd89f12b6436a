"""A recording in the terms of its contract: views chosen and in order, texts and numbers by column.

Legend: V views, T frames of the clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.binding.cameras import FuturePointsReader, IntrinsicsReader, PosesReader
from cosmos_recipes.data.binding.declare import Declaration, Declared
from cosmos_recipes.data.binding.numbers import NumbersReader, StepsReader
from cosmos_recipes.data.binding.reader import Reader, Views
from cosmos_recipes.data.binding.window import Window
from cosmos_recipes.data.decode.fitting import fitting
from cosmos_recipes.data.geometry import poses
from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.recording import Media, Recording, Split
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.data.probe import Probe

    Array = NDArray[np.float64]
    Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class BoundRecording:
    """A recording by the names of its contract. `values` are for the binding's readers alone."""

    name: str
    split: Split | None
    views: Mapping[str, Media]
    texts: Mapping[str, str]
    values: Mapping[str, Any]
    times_s: Array | None

    @property
    def media(self) -> Media:
        """The first view."""
        return next(iter(self.views.values()))


class Binding:
    """Brings recordings of a source into the form that a contract asks for."""

    def __init__(self, declaration: Declaration) -> None:
        self.declaration, self.schema = declaration, declaration.schema
        self.readers = {name: _reader(said) for name, said in declaration.numbers.items()}

    def bind(self, recording: Recording) -> BoundRecording:
        """Return the recording by the names of the contract.

        Raises:
            RecipeError: views or values are missing, or not what was declared (CR516 to CR518, CR56x); all of them.
        """
        chosen, problems = self.declaration.choose_views(recording.views, recording.name), []
        used = tuple(chosen.values())
        views = Views(used=used, all=tuple(recording.views), said=tuple(self.declaration.views.values()) or used)
        values: dict[str, Any] = {}
        for name, reader in self.readers.items():
            try:
                values[name] = reader.read(recording, views)
            except RecipeError as error:
                problems += [_located(problem, name, recording) for problem in error.problems]
        if problems:
            raise RecipeError(*problems)
        return BoundRecording(
            name=recording.name,
            split=recording.split,
            views={ours: recording.views[theirs] for ours, theirs in chosen.items()},
            texts=self.texts(recording),
            values=values,
            times_s=recording.times_s,
        )

    def rows_s(self, bound: BoundRecording, frames_s: Array) -> Array:
        """Return the moments of the rows of values; `frames_s` are those of the first view's frames.

        Raises:
            RecipeError: there are more or fewer rows than moments (CR521).
        """
        rows_s = frames_s if bound.times_s is None else np.asarray(bound.times_s, np.float64)
        if not (np.diff(rows_s) > 0).all():
            late = int(np.argmin(np.diff(rows_s) > 0)) + 1
            fail(
                "CR522",
                f"the times of the rows of the recording {bound.name} do not rise",
                place=Place(file=str(bound.media.path)),
                expected="each later than the one before",
                found=f"row {late} at {rows_s[late]:g} s, after {rows_s[late - 1]:g} s",
                hint="sort the rows, or remove those that are there twice",
            )
        for name, values in bound.values.items():
            reader = self.readers[name]
            rows = reader.rows(values)
            # The action after the last frame may be left out.
            fewest = len(rows_s) - (reader.column.belongs_to == "step")
            if rows is not None and not fewest <= rows <= len(rows_s):
                fail(
                    "CR521",
                    f"`{name}` of the recording {bound.name} has {rows} rows",
                    place=Place(file=str(bound.media.path)),
                    expected=f"{len(rows_s)}, one for each {'frame' if bound.times_s is None else 'moment'}",
                    found=str(rows),
                    hint="rows and frames belong together one by one, unless the source says the time of each row",
                )
        return rows_s

    def columns(
        self,
        bound: BoundRecording,
        probes: Sequence[Probe],
        *,
        frames_s_T: Array,
        rows_s: Array,
        height_px: int,
        width_px: int,
    ) -> dict[str, Floats | None]:
        """Return the columns of numbers of a clip with frames at these moments; None for one that does not cover them."""
        fits = [fitting(found, height_px=height_px, width_px=width_px) for found in probes]
        window = Window(frames_s_T=frames_s_T, rows_s_R=rows_s, fits=fits)
        arrays = {name: self.readers[name].clip(values, window) for name, values in bound.values.items()}
        return {name: None if array is None else np.asarray(array, np.float32) for name, array in arrays.items()}

    def ego_to_camera(self, bound: BoundRecording, rows_s: Array, *, at_s: float) -> Array | None:
        """Return the pose (4, 4) from the vehicle of the points to come to the first view's camera, both at a moment.

        None where the data set does not say that the cameras are mounted on that vehicle.
        """
        ways = {n: each for n, each in self.readers.items() if isinstance(each, FuturePointsReader)}
        cameras = {n: each for n, each in self.readers.items() if isinstance(each, PosesReader)}
        for (way, ego), (name, camera) in product(ways.items(), cameras.items()):
            if camera.mount and camera.mounted_on == ego.binding.sources[0]:
                camera_44, ego_44 = (
                    poses.interpolate(each_R44, rows_s, np.array([at_s]))[0]
                    for each_R44 in (bound.values[name][0], bound.values[way])
                )
                return np.asarray(poses.invert(camera_44) @ ego_44)
        return None

    def texts(self, recording: Recording) -> dict[str, str]:
        """Return the texts of a recording that it has, by column."""
        named = self.declaration.texts
        said = {ours: recording.values[theirs] for ours, theirs in named.items() if theirs in recording.values}
        return {name: text if isinstance(text, str) else _joined(text) for name, text in said.items()}


def _joined(value: Any) -> str:
    """Several texts of one recording, such as the tasks of an episode, are one text."""
    return " ".join(map(str, value)) if isinstance(value, (list, tuple, np.ndarray)) else str(value)


def _located(problem: Problem, column: str, recording: Recording) -> Problem:
    """Name column and recording in a problem of numbers, which knows neither."""
    from dataclasses import replace

    place = problem.place or Place(file=str(recording.media.path))
    if recording.name in problem.message:
        return replace(problem, place=place)
    return replace(problem, message=f"`{column}` of the recording {recording.name}: {problem.message}", place=place)


def _reader(said: Declared) -> Reader:
    common: dict[str, Any] = {"name": said.name, "column": said.column, "binding": said.binding}
    convention = said.convention
    if isinstance(convention, IntrinsicsConvention):
        return IntrinsicsReader(**common, convention=convention)
    if isinstance(convention, PoseConvention) and said.column.convention == "world-to-camera":
        return PosesReader(**common, convention=convention, mount=said.mount)
    if isinstance(convention, PoseConvention) and said.column.convention == "future-points":
        return FuturePointsReader(**common, convention=convention)
    if said.column.belongs_to == "step":
        return StepsReader(**common, pose=convention)
    return NumbersReader(**common)
