"""Which of a source's views and values are which columns of a contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.data.binding.unfilled import UNFILLED
from cosmos_recipes.data.contract import Column, Schema
from cosmos_recipes.data.sources.meaning import Meaning
from cosmos_recipes.data.sources.recognise import Form, Recognised

TRAJECTORY_POINTS, TRAJECTORY_RATE = 64, "10 Hz"
"""Of NVIDIA's trajectory models: 6.4 s ahead."""

_FEWEST_VIEWS = 2
BODIES = {"world-to-camera": "camera", "ego-to-world": "ego", "future-points": "ego"}
"""Whose pose a column of each convention is made from."""
_POSE_ENDS = ((4, 4), (3, 4), (12,), (7,), (6,), (9,))
_INTRINSICS_ENDS = ((4,), (3, 3))
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "caption": ("text", "txt", "instruction", "language_instruction", "prompt", "description", "task"),
    "action": ("actions",),
    "state": ("observation.state", "proprio"),
    "camera": ("pose", "poses", "extrinsics", "extrinsic", "camera_pose", "camera_poses"),
    "ego": ("ego_pose", "ego_poses", "vehicle_pose", "pose"),
    "intrinsics": ("intrinsics", "intrinsic", "camera_intrinsics", "k"),
}
"""What sources call a column, or the poses of a body, most usual first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """A contract filled from a source as far as it goes.

    `views` are the contract's views and the source's, `columns` what a data set file says of each column, `missing` the
    required columns that nothing was found for.
    """

    schema: Schema
    views: Mapping[str, str]
    columns: Mapping[str, Mapping[str, Any]]
    missing: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, ...]:
        """Greater for a contract that says more of the data: required columns first, then views, then the others."""
        required = [name for name in self.columns if self.schema.columns[name].required]
        videos = [name for name, column in self.schema.columns.items() if column.kind == "video"]
        return (len(required), len(self.views), len(videos), len(self.columns))

    @property
    def used(self) -> set[str]:
        """The values that are bound to a column."""
        sources = [entry["from"] for entry in self.columns.values()]
        return {name for each in sources for name in ([each] if isinstance(each, str) else each)}


def fit(schema: Schema, found: Recognised) -> Fit:
    """Return how the data fills the contract."""
    views = _views(schema, found.views)
    entries = {
        name: entry
        for name, column in schema.columns.items()
        if column.kind != "video" and (entry := _entry(name, column, found))
    }
    missing = [
        name
        for name, column in schema.columns.items()
        if column.required and name not in entries and name not in views and not (views and _takes_all(column))
    ]
    return Fit(schema=schema, views=views, columns=entries, missing=tuple(missing))


def _takes_all(column: Column) -> bool:
    """Return whether a column of videos takes any views, in the order of the data set."""
    return column.kind == "video" and "V" in column.shape


def _views(schema: Schema, seen: Sequence[str]) -> dict[str, str]:
    """Return the contract's views with the source's: all of them, the one of that name, or the first."""
    videos = [name for name, column in schema.columns.items() if column.kind == "video"]
    named = plain_names(seen)
    if any(_takes_all(schema.columns[name]) for name in videos):
        return named if len(seen) >= _FEWEST_VIEWS else {}
    found = {name: named[name] for name in videos if name in named}
    return found or dict(zip(videos, seen, strict=False))


def plain_names(names: Sequence[str]) -> dict[str, str]:
    """Return names by what a data set file may call them: their last part, or all of it where that is no name."""
    short = [plain_name(name.rpartition(".")[2]) for name in names]
    if len({*short}) < len(names):
        short = [plain_name(name) for name in names]
    return dict(zip(short, names, strict=True)) if len({*short}) == len(names) else {name: name for name in names}


def plain_name(text: str) -> str:
    """Return a text as a name: lower-case letters and digits, with dots, dashes or underscores between them."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("._-")[:64] or "data"


def _entry(name: str, column: Column, found: Recognised) -> dict[str, Any] | None:
    """Return what a data set file says of a column, None if no value is known to be it."""
    if column.kind == "text":
        texts = [value for value, form in found.values.items() if form.dtype == "text" and not form.shape]
        said = next(_called(name, texts, found.views, all_views="V" in column.shape), None)
        return {"from": said} if said else None
    if column.convention == "intrinsics":
        return _camera_entry(column, "intrinsics", _INTRINSICS_ENDS, found)
    if column.convention in BODIES:
        return _camera_entry(column, BODIES[column.convention], _POSE_ENDS, found)
    numbers = [value for value, form in found.values.items() if form.dtype != "text"]
    likely = [value for value in numbers if value in found.meanings and found.meanings[value].column == name]
    said = next(_called(name, numbers, found.views, all_views="V" in column.shape), likely)
    return _numbers_entry(column, said, found) if said else None


def _called(what: str, values: Sequence[str], views: Sequence[str], *, all_views: bool) -> Iterator[str | list[str]]:
    """Yield the values that are called so, most usual first: one, one for each view, or the parts that make it up."""
    for alias in (what, *_ALIASES.get(what, ())):
        yield from (value for value in values if value.lower() == alias)
        yield from (value for value in values if value.lower().rpartition(".")[2] == alias)
        of_views = [f"{alias}.{view}" for view in views]
        if {*of_views} <= {*values} and views:
            yield of_views if all_views else of_views[0]
        parts = [value for value in values if value.lower().startswith(f"{alias}.")]
        if parts and not all_views:
            yield parts


def _camera_entry(
    column: Column, what: str, ends: Sequence[tuple[int, ...]], found: Recognised
) -> dict[str, Any] | None:
    """Return the entry of poses or intrinsics: of a value whose convention is known, else of one that is called so."""
    fitting = [
        value for value, form in found.values.items() if _ends(form, ends) and _has_views(column, form, found.views)
    ]
    known = [value for value in fitting if value in found.meanings and _is(found.meanings[value], what)]
    unknown = [value for value in fitting if value not in found.meanings]
    called = [*_called(what, known, (), all_views=False), *known, *_called(what, unknown, (), all_views=False)]
    said = called[0] if called else None
    if not isinstance(said, str):
        return None
    meaning = found.meanings.get(said, Meaning())
    convention = meaning.intrinsics if what == "intrinsics" else meaning.pose
    entry: dict[str, Any] = {"from": said, "convention": _written(convention)}
    return entry | _future(column) if column.convention == "future-points" else entry


def _future(column: Column) -> dict[str, Any]:
    points = column.shape[0] if column.shape and isinstance(column.shape[0], int) else TRAJECTORY_POINTS
    return {"points": points, "rate": TRAJECTORY_RATE}


def _ends(form: Form, ends: Sequence[tuple[int, ...]]) -> bool:
    return form.dtype != "text" and any(form.shape[-len(end) :] == end for end in ends)


def _has_views(column: Column, form: Form, views: Sequence[str]) -> bool:
    """Return whether a value has an axis of views where the contract has one, and none where it has none."""
    return len(views) == 1 or (form.shape[:1] == (len(views),)) == ("V" in column.shape)


def _is(meaning: Meaning, what: str) -> bool:
    return meaning.intrinsics is not None if what == "intrinsics" else meaning.body == what


def _written(convention: Any) -> Any:
    if convention is None or isinstance(convention, str):
        return convention or UNFILLED
    return convention.model_dump(exclude_unset=True)


def _numbers_entry(column: Column, said: str | list[str], found: Recognised) -> dict[str, Any]:
    parts = [said] if isinstance(said, str) else said
    meanings = [_checked(found.meanings.get(part, Meaning()), found.values[part]) for part in parts]
    names = [each for meaning in meanings for each in meaning.names]
    entry: dict[str, Any] = {"from": said}
    if names and all(meaning.names for meaning in meanings):
        entry["names"] = names
    if any(found.values[part].dtype.startswith("float") for part in parts):
        entry["unit"] = _one_or_all([meaning.unit for meaning in meanings])
    if "S" in column.shape:
        entry["form"] = _one_or_all([meaning.form for meaning in meanings])
    return entry


def _checked(meaning: Meaning, form: Form) -> Meaning:
    """Return what is known if it is of as many numbers as there are."""
    count = numbers_of(form)
    fits = all(len(each) in (0, count) for each in (meaning.names, meaning.unit, meaning.form))
    return meaning if fits else Meaning()


def numbers_of(form: Form) -> int | None:
    """Return how many numbers a row has, None where that differs."""
    return form.shape[-1] if len(form.shape) > 1 else 1


def _one_or_all(known: Sequence[Sequence[str]]) -> str | list[str]:
    if not all(known):
        return UNFILLED
    each = [word for words in known for word in words]
    return each[0] if len({*each}) == 1 else each
