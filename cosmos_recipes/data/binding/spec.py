"""What a data set file says about the columns of its contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cosmos_recipes.data.geometry.kinds import DeltaFrame
from cosmos_recipes.recipe.quantities import Rate

POINTS, RATE_HZ = 64, 10.0
"""Points to come and their rate, where the data set does not say; as NVIDIA's trajectory control has them."""
Form = Literal["absolute", "delta", "difference"]
Texts = str | Annotated[tuple[str, ...], Field(min_length=1)]
Places = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Mount(BaseModel):
    """What cameras are mounted on, when their poses are relative to it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: str = Field(alias="from", description="The source's name of the poses of what carries the cameras.")
    convention: str | dict[str, Any] = Field(description="Convention of these poses: a preset's name, or its parts.")


class ColumnBinding(BaseModel):
    """Where a column comes from, and how its source means it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: Texts = Field(
        alias="from",
        description="The source's name of it; several are put side by side, or are one for each view, in the order of `views`.",
    )
    select: Places | None = Field(
        None, description="Which numbers of each row are taken, counted from 0, in this order; all by default."
    )
    names: tuple[str, ...] | None = Field(None, description="What each number is called.")
    unit: Texts | None = Field(
        None, description="Unit that the source has the numbers in: one, or one for each number."
    )
    form: Form | tuple[Form, ...] | None = Field(
        None,
        description="What a row of actions holds: a set-point (absolute), a change (delta), or a state whose change is the action (difference); one, or one for each number.",
    )
    convention: str | dict[str, Any] | None = Field(
        None, description="Convention of poses or intrinsics: a preset's name, or its parts."
    )
    relative_to: DeltaFrame | None = Field(
        None,
        description="The frame in which changes of a pose are expressed: that of the end effector, or of the base.",
    )
    mounted_on: Mount | None = Field(None, description="What the cameras are mounted on, if poses are relative to it.")
    points: Annotated[int, Field(ge=1, le=1024)] | None = Field(None, description="Points to come; 64 by default.")
    rate: Rate | None = Field(None, description="Points to come in a second; 10 Hz by default.")

    @property
    def sources(self) -> tuple[str, ...]:
        """The source's names."""
        return (self.source,) if isinstance(self.source, str) else self.source


class Splits(BaseModel):
    """Which recordings are held out, whatever the source says of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    held_out: Share | tuple[str, ...] = Field(
        description="A share of the recordings, chosen by a hash of their names; or patterns of names, such as `val/*`."
    )


class ColumnStatistics(BaseModel):
    """Statistics of each number of a column, over the training split, in canonical units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: Annotated[int, Field(ge=1)] = Field(description="Rows that were counted.")
    mean: tuple[float, ...] = Field(description="Means.")
    std: tuple[float, ...] = Field(description="Standard deviations.")
    min: tuple[float, ...] = Field(description="Least numbers.")
    max: tuple[float, ...] = Field(description="Greatest numbers.")
    q01: tuple[float, ...] = Field(description="Numbers that one in a hundred is below.")
    q99: tuple[float, ...] = Field(description="Numbers that one in a hundred is above.")

    @model_validator(mode="after")
    def _are_of_the_same_numbers(self) -> Self:
        if len({len(each) for each in (self.mean, self.std, self.min, self.max, self.q01, self.q99)}) > 1:
            raise ValueError("as many numbers in each list")
        return self


Normalisation = Literal["quantile", "standard", "range"]
"""What becomes -1 and 1: q01 and q99; one standard deviation about the mean; or the least and the greatest number."""
