"""A schema is a contract: which columns a recording has, of what kind, shape and unit, and what must hold of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cosmos_recipes.diagnostics import Place
from cosmos_recipes.recipe.library import find
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.spec import Name
from cosmos_recipes.recipe.validation import validate_located

if TYPE_CHECKING:
    import numpy as np

Rule = Literal["finite", "not-empty", "monotone", "unit-norm", "rotation"]
TOLERANCE = 1e-4
"""How far a unit vector or a rotation may be from being one."""


class Column(BaseModel):
    """One column of a contract."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["video", "text", "tensor", "scalar"] = Field(description="What the column holds.")
    summary: str = Field(description="What it means, in a sentence.")
    dtype: str | None = Field(None, description="Element type of a tensor or scalar, such as float32.")
    shape: tuple[str | int, ...] = Field((), description="Named dimensions, T for frames of the clip, V for views.")
    unit: str | None = Field(None, description="Unit of the numbers, such as m, rad or s.")
    frame: str | None = Field(None, description="Frame of reference of the numbers.")
    convention: str | None = Field(None, description="Convention of poses, axes or rotations.")
    required: bool = Field(True, description="Whether every recording must have it.")
    rules: tuple[Rule, ...] = Field((), description="What must hold of every value.")


class Schema(BaseModel):
    """A data contract: `schemas/NAME.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(alias="schema", description="The contract's name.")
    summary: str = Field(description="What such data is, in a sentence.")
    columns: dict[Name, Column] = Field(description="The columns by name.")


def load_schema(name: str, *, place: Place | None = None) -> Schema:
    """Return the contract of that name or path.

    Raises:
        RecipeError: there is none, or its file is wrong.
    """
    return validate_located(Schema, read_located(find("schemas", name, place=place)))


def breaches(schema: Schema, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a row, in words; `row` holds a text, a number or an array for each column it has.

    A dimension that is named has the same length wherever it is named. Videos are checked by looking into them.
    """
    lengths: dict[str, tuple[int, str]] = {}
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
    if array.dtype.kind not in "fiub" or (column.dtype and not np.can_cast(array.dtype, column.dtype, "same_kind")):
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
    yield from (f"`{name}` breaks the rule {rule}" for rule in column.rules if not _holds(rule, array))


def _shape(shape: tuple[str | int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"


def _holds(rule: Rule, array: np.ndarray) -> bool:
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
    square = array.shape[-1] == array.shape[-2] if array.ndim > 1 else False
    return square and bool(
        np.allclose(array @ array.swapaxes(-1, -2), np.eye(array.shape[-1]), atol=TOLERANCE)
        and (np.linalg.det(array) > 0).all()
    )
