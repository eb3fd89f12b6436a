"""The control and data contract of a card: every column that the model sees, and what one gives when sampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.compiler.plan import Plan, SetPlan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.data.binding.units import canonical
from cosmos_recipes.data.contract import Column, Schema
from cosmos_recipes.data.geometry.conventions import PoseConvention
from cosmos_recipes.data.geometry.presets import POSE_PRESETS
from cosmos_recipes.data.statistics import Normaliser
from cosmos_recipes.publishing.card.markdown import Markdown, code, escaped
from cosmos_recipes.publishing.card.told import Told

_FRAMES = {
    "first-camera": "In the frame of the first camera at the first frame of the clip.",
    "ego-at-start": "In the frame of the vehicle at the first frame of the clip: x forward, y left, z up.",
}
_CONVENTIONS = {
    "world-to-camera": "World to camera, OpenCV axes (x right, y down, z forward), as matrices: rotation and translation, "
    "0 0 0 1 below.",
    "intrinsics": "fx and cx are shares of the width, fy and cy of the height, of the picture as it is cropped.",
}
_UNITS = {"1": "none", "declared": "of each number, below", None: "none"}
_FORMS = {"absolute": "set-point", "delta": "change", "difference": "state, whose change is the action"}
_ENDS = {
    "quantile": "the numbers that 1 % and 99 % of the training data are below",
    "range": "the least and the greatest number of the training data",
    "standard": "a standard deviation below and above the mean of the training data",
}
_AXES = {"V": "V views", "S": "S steps between frames", "N": "N points to come"}
_PICTURE = ("T frames of a clip", "H height", "W width")
_ROWS = "with a row for each step from the first given frame on"
_GIVEN = {
    "caption": '`--prompt "…"`',
    "action": f"`--actions`: a .csv, .json, .npy or .parquet of these numbers, in these units, {_ROWS}",
    "pose": '`--camera`: words such as `"forward 1 m, yaw 30 deg"`, or a .txt, .json or .npy of such poses, or of others with `--convention`',
    "intrinsics": "`--fov` or `--intrinsics`, or with the file of `--camera`; by default the lens of the training's first clip",
    "trajectory": "`--trajectory`: a .csv, .json or .npy of x, y and z in metres",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnRow:
    """A line of the table of columns; `rest` says how it is cut, filled or left out."""

    name: Markdown
    shape: Markdown
    unit: str
    meaning: Markdown
    given: Markdown
    rest: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberTable:
    """The numbers of a column in one data set: name, unit, form, and what becomes -1 and 1; `note` follows the table."""

    title: Markdown
    rows: Sequence[tuple[Markdown, str, str, str]]
    note: Markdown


def columns(plan: Plan) -> list[ColumnRow]:
    """Return a line for the video and for each column that the head consumes."""
    schema, own = plan.data.load_contract(), head(plan.conditioning.head)
    padding = own.padding(plan.backbone.text, plan.backbone.tokenizer.temporal)
    taken = [name for name in schema.columns if own.takes(name) and name in plan.data.columns]
    rows = [
        ColumnRow(
            name=code(name),
            shape=_shape(plan, name, schema.columns[name]),
            unit=_unit(schema.columns[name]),
            meaning=escaped(_meaning(plan, name, schema.columns[name])),
            given=Markdown(
                _GIVEN.get(name, "cannot be said") + ("; may be left out" if name not in own.columns else "")
            ),
            rest=padding.get(name, ""),
        )
        for name in taken
    ]
    return [_video(plan, schema), *rows]


def legend(plan: Plan) -> str:
    """Return what the letters of the shapes stand for."""
    schema, own = plan.data.load_contract(), head(plan.conditioning.head)
    taken = [column for name, column in schema.columns.items() if own.takes(name) and name in plan.data.columns]
    used = {axis for column in taken for axis in column.shape} | ({"V"} if len(plan.data.clip.views) > 1 else set())
    return ", ".join([*(words for axis, words in _AXES.items() if axis in used), *_PICTURE])


def unused(plan: Plan) -> list[Markdown]:
    """Return the columns of the contract that are no part of what the model sees."""
    schema, own = plan.data.load_contract(), head(plan.conditioning.head)
    return [
        code(name)
        for name, column in schema.columns.items()
        if column.kind != "video" and not (own.takes(name) and name in plan.data.columns)
    ]


def numbers(plan: Plan, told: Told) -> list[NumberTable]:
    """Return a table for each column of plain numbers that the head consumes, for each data set of a mixture."""
    schema, own = plan.data.load_contract(), head(plan.conditioning.head)
    named = [
        name
        for name, column in schema.columns.items()
        if own.takes(name) and name in plan.data.numbers and column.convention is None
    ]
    kept = told.seen.normalisers if told.seen else []
    return [
        _table(plan, name, each, kept[number].get(name) if number < len(kept) else None)
        for name in named
        for number, each in enumerate(plan.data.sets)
    ]


def _video(plan: Plan, schema: Schema) -> ColumnRow:
    clip, name = plan.data.clip, schema.videos[0]
    axes = (*(["V"] if len(clip.views) > 1 else []), "T", "H", "W", 3)
    sizes = (*([len(clip.views)] if len(clip.views) > 1 else []), clip.frames, clip.height_px, clip.width_px, 3)
    frames = "frame" if clip.given_frames == 1 else f"{clip.given_frames} frames"
    views = f" The views: {', '.join(map(code, clip.views))}." if clip.views else ""
    given = f"`--view NAME=…` for each view: the first {frames}" if clip.views else f"`--frames`: the first {frames}"
    meaning = escaped(schema.columns[name].summary)
    return ColumnRow(
        name=code("video" if schema.own_views else name),
        shape=Markdown(f"{_times(sizes)}<br>{_times(axes)}"),
        unit="RGB, 0 to 255",
        meaning=Markdown(f"{meaning}{views} {clip.rate_hz:g} frames in a second."),
        given=Markdown(given),
        rest="A picture of another size is scaled to cover this one, and cropped at the centre.",
    )


def _shape(plan: Plan, name: str, column: Column) -> Markdown:
    clip = plan.data.clip
    count = plan.data.numbers.get(name, "?")
    lengths: dict[str | int, Any] = {"T": clip.frames, "S": clip.frames - 1, "V": max(1, len(clip.views)), "N": count}
    if not column.shape:
        return Markdown("text" if column.kind == "text" else "one number")
    sizes = [lengths.get(axis, axis if isinstance(axis, int) else count) for axis in column.shape]
    return Markdown(f"{_times(sizes)}<br>{_times(column.shape)}")


def _times(parts: Sequence[Any]) -> str:
    return "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(map(str, parts))


def _unit(column: Column) -> str:
    return _UNITS.get(column.unit, column.unit or "")


def _meaning(plan: Plan, name: str, column: Column) -> str:
    parts = [column.summary, _FRAMES.get(column.frame or "", ""), _CONVENTIONS.get(column.convention or "", "")]
    if column.convention == "future-points" and (rate_hz := plan.data.rates_hz.get(name)):
        parts.append(f"{rate_hz:g} points in a second, the first {1 / rate_hz:g} s after the first frame of the clip.")
    if column.range:
        parts.append(f"From {column.range[0]:g} to {column.range[1]:g}.")
    return " ".join(part for part in parts if part)


def _table(plan: Plan, name: str, own: SetPlan, normaliser: Normaliser | None) -> NumberTable:
    said, count = own.bindings.get(name, {}), plan.data.numbers[name]
    names = said.get("names") or [""] * count
    units, forms = (_each(said.get(key), default, count) for key, default in (("unit", "1"), ("form", "absolute")))
    rows = [
        (
            code(names[number]) if number < len(names) and names[number] else Markdown(str(number + 1)),
            _named_unit(units[number]),
            _FORMS.get(forms[number], "") if plan.data.load_contract().columns[name].belongs_to == "step" else "",
            _range(normaliser, number, units[number]),
        )
        for number in range(count)
    ]
    of_set = f" of the data set {code(own.name)}" if plan.data.mix else ""
    return NumberTable(
        title=Markdown(f"The numbers of {code(name)}{of_set}"), rows=rows, note=_note(said, own.normalise.get(name))
    )


def _note(said: dict[str, Any], how: str | None) -> Markdown:
    sentences = list(_pose_sentences(said))
    if how is None:
        sentences.append("They are not normalised.")
    else:
        sentences.append(f"The model sees them normalised: the ends of the last column, {_ENDS[how]}, become -1 and 1.")
    return escaped(" ".join(sentences))


def _pose_sentences(said: dict[str, Any]) -> Iterator[str]:
    """Say how the first numbers are a pose, if they are one."""
    if convention := said.get("convention"):
        pose = POSE_PRESETS[convention] if isinstance(convention, str) else PoseConvention.model_validate(convention)
        turns = [
            f"turns {pose.euler_order} ({pose.euler_kind})" if pose.euler_order else "",
            f"angles in {pose.angle_unit}" if pose.angle_unit else "",
        ]
        order = f"quaternion {pose.quaternion_order}" if pose.quaternion_order else ""
        parts = [pose.form, pose.direction.replace("-", " "), *turns, order, f"positions in {pose.length_unit}"]
        yield f"The first numbers are a pose: {', '.join(part for part in parts if part)}."
        if "form" in said and said["form"] != "absolute":
            yield f"Changes of it are in the frame of the {(said.get('relative_to') or 'end-effector').replace('-', ' ')}."


def _range(normaliser: Normaliser | None, number: int, unit: str) -> str:
    if normaliser is None:
        return ""
    middle, spread = float(normaliser.centre_A[number]), float(normaliser.spread_A[number])
    return f"{middle - spread:.4g} to {middle + spread:.4g}{_after(canonical(unit))}"


def _named_unit(unit: str) -> str:
    return "none" if unit == "1" else unit


def _after(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"


def _each(said: Any, default: str, count: int) -> list[str]:
    return list(said) if isinstance(said, (list, tuple)) else [said or default] * count
