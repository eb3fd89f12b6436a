"""A schema is a contract: which columns a recording has, of what kind, shape and unit, and what must hold of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cosmos_recipes.diagnostics import Place
from cosmos_recipes.recipe.library import find
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.spec import Name
from cosmos_recipes.recipe.validation import validate_located

if TYPE_CHECKING:
    import numpy as np

Rule = Literal["finite", "not-empty", "monotone", "unit-norm", "rotation", "rigid"]
Dtype = Literal["bool", "uint8", "int32", "int64", "float16", "float32", "float64"]
WHOLE = frozenset(("bool", "uint8", "int32", "int64"))
"""The types of whole numbers."""
At = Literal["recording", "frame", "step", "clip"]
"""What a value belongs to: the recording, a frame, the step from one frame to the next, or a clip as a whole."""
Unit = Literal["1", "m", "rad", "s", "px", "m/s", "m/s2", "rad/s", "declared"]
"""`declared` is what each data set says of each number."""
Frame = Literal["first-camera", "ego-at-start", "declared"]
"""The first view's camera, or the vehicle, at the first frame of the clip; or what the data set says."""
Convention = Literal["world-to-camera", "intrinsics", "future-points"]
"""What the canonical form of the numbers is; a data set says in which form its source has them."""
TAKEN = ("name", "split", "part", "recording", "frames")
"""What an index says of every clip besides its columns."""
TOLERANCE = 1e-4
"""How far a unit vector or a rotation may be from being one."""
FRAMES, STEPS, VIEWS, POINTS = "T", "S", "V", "N"
"""Dimensions with a meaning of their own; S is one less than T. Others are named freely."""


class Column(BaseModel):
    """One column of a contract."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["video", "text", "tensor", "scalar"] = Field(description="What the column holds.")
    summary: str = Field(description="What it means, in a sentence.")
    dtype: Dtype | None = Field(None, description="Element type; whole numbers of a whole type, such as a label's.")
    shape: tuple[str | int, ...] = Field(
        (),
        description="Dimensions: a number, or a name; T are frames of the clip, S the steps between them, V views, N points to come.",
    )
    at: At | None = Field(
        None, description="What a value belongs to: recording, frame, step or clip; by default what the shape says."
    )
    unit: Unit | None = Field(
        None, description="Unit of the numbers; `declared` where each data set says that of each number."
    )
    frame: Frame | None = Field(
        None, description="Frame of reference of the numbers: first-camera, ego-at-start, or declared by the data set."
    )
    convention: Convention | None = Field(
        None,
        description="Canonical form that the source's numbers are brought into, from the form that the data set says.",
    )
    range: tuple[float, float] | None = Field(
        None, description="Least and greatest number that can be right, in the column's unit."
    )
    required: bool = Field(True, description="Whether every recording must have it.")
    rules: tuple[Rule, ...] = Field((), description="What must hold of every value.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        complaint = next(self._media_complaints() if self.kind in ("video", "text") else self._complaints(), None)
        if complaint:
            raise ValueError(complaint)
        return self

    def _media_complaints(self) -> Iterator[str]:
        yield from (f"a {self.kind} has no `{name}`" for name in _OF_NUMBERS if getattr(self, name) is not None)
        if self.kind == "video" and self.shape not in ((), ("T", "H", "W", 3), ("V", "T", "H", "W", 3)):
            yield "a video has the shape [T, H, W, 3], or [V, T, H, W, 3] for every view"
        if self.kind == "text" and (self.shape or self.dtype):
            yield "a text has no `shape` and no `dtype`"
        meant = {"not-empty"} if self.kind == "text" else set()
        yield from (f"the rule {rule} is not for a {self.kind}" for rule in self.rules if rule not in meant)

    def _complaints(self) -> Iterator[str]:
        shape, axes = self.shape, _shape(self.shape)
        if bool(shape) != (self.kind == "tensor"):
            yield "a tensor has a shape, a scalar has none"
        if any(isinstance(length, int) and length < 1 for length in shape):
            yield f"the shape {axes} has an axis without a length"
        lead = tuple(axis for axis in shape if axis in (VIEWS, FRAMES, STEPS))
        if lead not in _LEADS or shape[: len(lead)] != lead:
            yield f"a shape begins with T, S, V, or V and T, if it has them; not {axes}"
        if STEPS in shape and len(shape) != 2:
            yield f"what belongs to a step has a shape such as [S, A], not {axes}"
        if self.at not in (None, self._at_of_shape):
            yield f"the shape {axes} belongs to a {self._at_of_shape}, not to a {self.at}"
        if self.convention and shape not in _SHAPES[self.convention]:
            yield f"`convention: {self.convention}` needs the shape {' or '.join(map(_shape, _SHAPES[self.convention]))}"
        if self.range and not self.range[0] < self.range[1]:
            yield "a range is the least and then the greatest number"
        yield from (
            f"the rule {rule} cannot hold of the shape {axes}" for rule in self.rules if not self._has_axes(rule)
        )

    def _has_axes(self, rule: Rule) -> bool:
        elements = tuple(axis for axis in self.shape if axis not in (VIEWS, FRAMES, STEPS))
        match rule:
            case "monotone":
                return bool(self.shape) and not self.is_per_view
            case "unit-norm":
                return bool(elements)
            case "rotation":
                return len(elements) > 1 and elements[-1] == elements[-2]
            case "rigid":
                return elements[-2:] == (4, 4)
        return True

    @property
    def belongs_to(self) -> At:
        """What a value belongs to."""
        return "recording" if self.kind == "text" else "frame" if self.kind == "video" else self._at_of_shape

    @property
    def is_per_view(self) -> bool:
        """Whether there is a value for each view."""
        return VIEWS in self.shape

    @property
    def _at_of_shape(self) -> At:
        if self.convention == "future-points":
            return "clip"
        return "frame" if FRAMES in self.shape else "step" if STEPS in self.shape else "recording"


def element_axes(column: Column) -> int:
    """Return how many axes one value has: those of the shape that are neither views nor time."""
    return len([axis for axis in column.shape if axis not in (VIEWS, FRAMES, STEPS)])


_OF_NUMBERS = ("at", "unit", "frame", "convention", "range")
_LEADS = ((), (FRAMES,), (STEPS,), (VIEWS,), (VIEWS, FRAMES))
_SHAPES: dict[Convention, tuple[tuple[str | int, ...], ...]] = {
    "world-to-camera": ((FRAMES, 4, 4), (VIEWS, FRAMES, 4, 4)),
    "intrinsics": ((FRAMES, 4), (VIEWS, FRAMES, 4)),
    "future-points": ((POINTS, 3),),
}


class Schema(BaseModel):
    """A data contract: `schemas/NAME.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(alias="schema", description="The contract's name.")
    summary: str = Field(description="What such data is, in a sentence.")
    columns: dict[Name, Column] = Field(description="The columns by name.")

    @model_validator(mode="after")
    def _has_video(self) -> Self:
        videos = self.videos
        if not videos:
            raise ValueError("a contract has a column with `kind: video`")
        if taken := next((name for name in TAKEN if name in self.columns), None):
            raise ValueError(f"a column is not called `{taken}`: every clip has that of its own")
        if len(videos) > 1 and any(self.columns[name].is_per_view for name in videos):
            raise ValueError("a video of every view is the only video of a contract")
        return self

    @property
    def videos(self) -> tuple[str, ...]:
        """The columns that are videos."""
        return tuple(name for name, column in self.columns.items() if column.kind == "video")

    def without(self, names: Sequence[str]) -> Schema:
        """Return the contract without some of its columns."""
        return self.model_copy(update={"columns": {n: each for n, each in self.columns.items() if n not in names}})

    @property
    def own_views(self) -> tuple[str, ...] | None:
        """The views by name where the contract says them, which are then its videos; None where each data set does."""
        return None if self.columns[self.videos[0]].is_per_view else self.videos


def load_schema(name: str, *, place: Place | None = None) -> Schema:
    """Return the contract of that name or path.

    Raises:
        RecipeError: there is none, or its file is wrong.
    """
    return validate_located(Schema, read_located(find("schemas", name, place=place)))


def breaches(
    schema: Schema, row: Mapping[str, Any], *, known: Mapping[str, tuple[int, str]] | None = None
) -> Iterator[str]:
    """Yield what is wrong with a row, in words; `row` holds a text, a number or an array for each column it has.

    A dimension that is named has the same length wherever it is named; `known` are lengths, and where they are from,
    that are known already. Videos are checked by looking into them.
    """
    lengths: dict[str, tuple[int, str]] = dict(known or {})
    for name, column in schema.columns.items():
        value = row.get(name)
        if value is None:
            if column.required:
                yield f"`{name}` is missing"
        elif column.kind == "text":
            if not isinstance(value, str):
                yield f"`{name}` is not a text"
            elif "not-empty" in column.rules and not value.strip():
                yield f"`{name}` is empty"
        elif column.kind != "video":
            yield from _array_breaches(name, column, value, lengths)


def _array_breaches(name: str, column: Column, value: Any, lengths: dict[str, tuple[int, str]]) -> Iterator[str]:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or not _is_of(array, column.dtype):
        yield f"`{name}` holds {array.dtype}, not {column.dtype or 'numbers'}"
        return
    if array.ndim != len(column.shape):
        yield f"`{name}` has the shape {_shape(array.shape)}, not {_shape(column.shape)}"
        return
    for length, wanted in zip(array.shape, column.shape, strict=True):
        if isinstance(wanted, int):
            known, where = wanted, "the contract"
        else:
            known, where = lengths.setdefault(wanted, (length, f"`{name}`"))
        if length != known:
            yield f"`{name}` has {length} of {wanted}, where {where} has {known}"
    yield from (f"`{name}` breaks the rule {rule}" for rule in column.rules if not holds(rule, array))
    if column.range and array.size and not (column.range[0] <= array.min() and array.max() <= column.range[1]):
        low, high = column.range
        yield f"`{name}` holds {array.min():g} to {array.max():g}, outside of {low:g} to {high:g}"


def _is_of(array: np.ndarray, dtype: Dtype | None) -> bool:
    """Return whether numbers are of a type, or could be without a loss: a column is kept as float32 whatever its type."""
    import numpy as np

    if dtype is None or np.can_cast(array.dtype, dtype, "same_kind"):
        return True
    with np.errstate(invalid="ignore"):
        return bool((array.astype(dtype) == array).all())


def _shape(shape: tuple[str | int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"


def holds(rule: Rule, array: np.ndarray) -> bool:
    """Return whether a rule holds of every value of an array."""
    import numpy as np

    match rule:
        case "not-empty":
            return array.size > 0
        case "finite":
            return bool(np.isfinite(array).all())
        case "monotone":
            return bool((np.diff(array, axis=0) > 0).all())
        case "unit-norm":
            return bool(np.allclose(np.linalg.norm(array, axis=-1), 1, atol=TOLERANCE))
        case "rigid":
            is_rigid = array.shape[-2:] == (4, 4) and np.allclose(array[..., 3, :], (0, 0, 0, 1), atol=TOLERANCE)
            return bool(is_rigid) and holds("rotation", array[..., :3, :3])
    square = array.ndim > 1 and array.shape[-1] == array.shape[-2]
    return square and bool(
        np.allclose(array @ array.swapaxes(-1, -2), np.eye(array.shape[-1]), atol=TOLERANCE)
        and (np.linalg.det(array) > 0).all()
    )
