"""A recording in the terms of its contract: views chosen and in order, texts and numbers by column.

Legend: N clips, V views, R rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.binding.cameras import FuturePointsReader, IntrinsicsReader, PosesReader
from cosmos_recipes.data.binding.declare import Declaration, Declared
from cosmos_recipes.data.binding.numbers import NumbersReader, StepsReader
from cosmos_recipes.data.binding.reader import Reader, Views
from cosmos_recipes.data.binding.window import Windows
from cosmos_recipes.data.geometry import poses
from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.recording import Media, Recording, Split
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        chosen = self.declaration.choose_views(recording.views, recording.name)
        problems: list[Problem] = []
        used = tuple(chosen.values())
        views = Views(used=used, all=tuple(recording.views), said=tuple(self.declaration.views.values()) or used)
        values: dict[str, Any] = {}
        for name, reader in self.readers.items():
            try:
                with _located(name, recording.name, recording.media):
                    values[name] = reader.read(recording, views)
            except RecipeError as error:
                problems += error.problems
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

    def numbers(self, bound: BoundRecording) -> dict[str, int]:
        """Return how many numbers a row of each column of plain numbers has, and how many points a clip has of those to come."""
        found = {name: self.readers[name].numbers_each(values) for name, values in bound.values.items()}
        return {name: count for name, count in found.items() if count is not None}

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

    def covers(self, bound: BoundRecording, windows: Windows) -> dict[str, NDArray[np.bool_]]:
        """Return which clips (N) each column of numbers covers."""
        return {name: self.readers[name].covers(values, windows) for name, values in bound.values.items()}

    def clips(self, bound: BoundRecording, windows: Windows, names: Iterable[str] | None = None) -> dict[str, Floats]:
        """Return columns of numbers (N, ...) for clips that they cover: those of these names, or all.

        Raises:
            RecipeError: the values are not what was declared (CR56x).
        """
        columns: dict[str, Floats] = {}
        for name in self.readers if names is None else names:
            with _located(name, bound.name, bound.media):
                columns[name] = np.asarray(self.readers[name].clips(bound.values[name], windows), np.float32)
        return columns

    def camera_to_world(self, bound: BoundRecording) -> dict[str, Array]:
        """Return the poses of cameras (V, R, 4, 4) by column, R being 1 for those that do not move."""
        return {name: bound.values[name] for name, each in self.readers.items() if isinstance(each, PosesReader)}

    def ego_to_world(self, bound: BoundRecording) -> dict[str, Array]:
        """Return the poses of vehicles (R, 4, 4) by column."""
        return {name: bound.values[name] for name, each in self.readers.items() if isinstance(each, FuturePointsReader)}

    def ego_to_camera(self, bound: BoundRecording, rows_s: Array, *, at_s: float) -> Array | None:
        """Return the pose (4, 4) from the vehicle of the points to come to the first view's camera, both at a moment.

        None where the data set does not say that the cameras are mounted on that vehicle.
        """
        ways, cameras = self.ego_to_world(bound), self.camera_to_world(bound)
        for (way, ego_R44), (name, camera_VR44) in product(ways.items(), cameras.items()):
            camera = self.readers[name]
            assert isinstance(camera, PosesReader)
            if camera.mount and camera.mounted_on == self.readers[way].binding.sources[0]:
                camera_44, ego_44 = (
                    poses.interpolate(each_R44, rows_s, np.array([at_s]))[0] for each_R44 in (camera_VR44[0], ego_R44)
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


@contextmanager
def _located(column: str, recording: str, media: Media) -> Iterator[None]:
    """Name column and recording in problems of numbers, which know neither."""
    try:
        yield
    except RecipeError as error:
        raise RecipeError(*(_named(problem, column, recording, media) for problem in error.problems)) from error


def _named(problem: Problem, column: str, recording: str, media: Media) -> Problem:
    place = problem.place or Place(file=str(media.path))
    is_named = f"recording {recording}" in problem.message
    message = problem.message if is_named else f"`{column}` of the recording {recording}: {problem.message}"
    return replace(problem, message=message, place=place)


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
