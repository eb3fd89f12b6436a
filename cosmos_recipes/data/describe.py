"""What is in a data set, in figures: recordings, views, texts, and every number of every column.

Legend: N clips, R rows, A numbers of a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cosmos_recipes.data.binding.declare import Declaration, Declared
from cosmos_recipes.data.binding.spec import ColumnStatistics
from cosmos_recipes.data.binding.units import canonical
from cosmos_recipes.data.geometry.poses import invert
from cosmos_recipes.data.geometry.rotations import to_axis_angle
from cosmos_recipes.data.index import ClipIndex, IndexReport
from cosmos_recipes.data.statistics import measure, rows_of
from cosmos_recipes.diagnostics import Problem

_NAMES = {
    "world-to-camera": (("x", "m"), ("y", "m"), ("z", "m"), ("turn", "rad")),
    "intrinsics": (("fx", "1"), ("fy", "1"), ("cx", "1"), ("cy", "1")),
    "future-points": (("x", "m"), ("y", "m"), ("z", "m")),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewFigures:
    """How many recordings have which picture size, codec and frames per second in a view."""

    name: str
    sizes: dict[str, int]
    codecs: dict[str, int]
    rates: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class TextFigures:
    """How many recordings have a text, how many different ones there are, and the least and greatest length."""

    column: str
    recordings: int
    distinct: int
    shortest: int
    longest: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberFigures:
    """One number of a column, in its canonical unit, over the clips of the training split."""

    column: str
    name: str
    unit: str
    count: int
    mean: float
    std: float
    min: float
    q01: float
    q99: float
    max: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """The figures of a data set. `statistics` are those that a data set file may hold; `left_out` says what is not counted."""

    recordings: dict[str, int]
    clips: dict[str, int]
    hours: float
    views: tuple[ViewFigures, ...]
    texts: tuple[TextFigures, ...]
    numbers: tuple[NumberFigures, ...]
    statistics: dict[str, ColumnStatistics]
    left_out: tuple[Problem, ...]


def describe(index: ClipIndex, declaration: Declaration, report: IndexReport) -> Description:
    """Return the figures of an index, in which each recording counts once however many clips it gives.

    Where a camera is, is said as its place and its turn since the first frame of the clip, in the first view's frame.
    """
    recordings = {split: len({*index.recording_of[index.ids(split)].tolist()}) for split in ("train", "held-out")}
    measured = {name: _measured(index, said) for name, said in declaration.numbers.items()}
    plain = {name: each for name, each in measured.items() if declaration.columns[name].column.convention is None}
    return Description(
        recordings=recordings,
        clips=report.clips,
        hours=sum(_seconds(index)) / 3600,
        views=tuple(_views(index)),
        texts=tuple(_texts(index)),
        numbers=tuple(row for name, each in measured.items() for row in _numbers(declaration.columns[name], each)),
        statistics={name: each for name, each in plain.items() if declaration.columns[name].column.kind == "tensor"},
        left_out=report.problems,
    )


def as_tree(description: Description) -> dict[str, Any]:
    """Return the figures as plain values."""
    return {
        **asdict(description),
        "statistics": {name: each.model_dump(mode="json") for name, each in description.statistics.items()},
    }


def _measured(index: ClipIndex, said: Declared) -> ColumnStatistics:
    values_N = np.concatenate(index.column(said.name))[index.ids("train")]
    if said.column.convention == "world-to-camera":
        camera_R44 = invert(values_N.reshape(-1, 4, 4).astype(np.float64))
        turn_R1 = np.linalg.norm(to_axis_angle(camera_R44[:, :3, :3]), axis=-1, keepdims=True)
        return measure(np.concatenate([camera_R44[:, :3, 3], turn_R1], axis=-1))
    return measure(rows_of(values_N, said.column))


def _numbers(said: Declared, measured: ColumnStatistics) -> Iterator[NumberFigures]:
    figures = ("mean", "std", "min", "q01", "q99", "max")
    for position, (name, unit) in enumerate(_named(said, len(measured.mean))):
        each = {figure: getattr(measured, figure)[position] for figure in figures}
        yield NumberFigures(column=said.name, name=name, unit=unit, count=measured.count, **each)


def _named(said: Declared, count: int) -> Sequence[tuple[str, str]]:
    """Return name and canonical unit of each number."""
    if said.column.convention:
        return _NAMES[said.column.convention]
    numbered = tuple(str(position) for position in range(count)) if count > 1 else ("",)
    names = said.binding.names if len(said.binding.names or ()) == count else numbered
    units = said.binding.unit or said.column.unit or "1"
    each = [units] * count if isinstance(units, str) else units
    return [(name, canonical(unit)) for name, unit in zip(names or numbered, each, strict=True)]


def _seconds(index: ClipIndex) -> Iterator[float]:
    """Yield how long each recording is, its last frame included, as long as the others on average."""
    for number in range(index.recordings.num_rows):
        times_s = next(iter(index.views(number).values())).probe.times_s
        yield times_s[-1] * len(times_s) / max(len(times_s) - 1, 1)


def _views(index: ClipIndex) -> Iterator[ViewFigures]:
    views = [index.views(number) for number in range(index.recordings.num_rows)]
    for name in index.view_names:
        probes = [each[name].probe for each in views]
        rates_hz = [(len(each.pts) - 1) / each.times_s[-1] for each in probes if each.times_s[-1]]
        yield ViewFigures(
            name=name,
            sizes=_counted(f"{each.height_px}x{each.width_px}" for each in probes),
            codecs=_counted(each.codec for each in probes),
            rates=_counted(f"{rate_hz:.4g} Hz" for rate_hz in rates_hz),
        )


def _texts(index: ClipIndex) -> Iterator[TextFigures]:
    for column in index.texts:
        found = [text for text in index.recordings[column].to_pylist() if text]
        lengths = [len(text) for text in found] or [0]
        yield TextFigures(
            column=column,
            recordings=len(found),
            distinct=len({*found}),
            shortest=min(lengths),
            longest=max(lengths),
        )


def _counted(values: Iterator[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
