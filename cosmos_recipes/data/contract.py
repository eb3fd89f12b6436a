"""A schema is a contract: which columns a recording has, of what kind, shape and unit, and what must hold of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cosmos_recipes.diagnostics import Place
from cosmos_recipes.recipe.library import find
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.spec import Name
from cosmos_recipes.recipe.validation import validate_located


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
    rules: tuple[Literal["finite", "not-empty", "monotone", "unit-norm"], ...] = Field(
        (), description="What must hold of every value."
    )


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
