"""What an hour of a GPU costs: the table that ships with the package, and the person's own, which wins."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, model_validator

from cosmos_recipes.compiler.gpus import GPUS
from cosmos_recipes.diagnostics import fail, nearest
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.places import Located
from cosmos_recipes.recipe.spec import Block
from cosmos_recipes.recipe.validation import validate

SHIPPED = Path(__file__).with_name("prices.yaml")
NAME = SHIPPED.name


class PriceRange(Block):
    """The lowest and the highest price of an hour."""

    lowest: float = Field(ge=0, description="The lowest price.")
    highest: float = Field(ge=0, description="The highest price.")

    @model_validator(mode="before")
    @classmethod
    def _pair(cls, value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = [value, value]
        if not (isinstance(value, list) and len(value) == 2):
            raise ValueError("a price, or a lowest and a highest one: 2.5 or [2.0, 3.0]")
        lowest, highest = (float(each) if isinstance(each, int) else each for each in value)
        if isinstance(lowest, float) and isinstance(highest, float) and lowest > highest:
            raise ValueError("the lowest price first, then the highest")
        return {"lowest": lowest, "highest": highest}


class Prices(Block):
    """A table of prices."""

    currency: str = Field("USD", pattern=r"^[A-Z]{3}$", description="The currency's three letters.")
    gpu_hour: dict[str, PriceRange] = Field(description="Price of an hour of one GPU, by its kind.")


def prices() -> tuple[Prices, str]:
    """Return the table to reckon with, and the name of the file that it is from.

    Raises:
        RecipeError: the person's own table is not one (CR1xx), or names a kind of GPU that is not known (CR402).
    """
    own = next((path for path in own_files() if path.is_file()), None)
    if own is None:
        return validate(Prices, read_located(SHIPPED)), f"the shipped {NAME}"
    located = read_located(own)
    table = validate(Prices, located)
    for kind in table.gpu_hour:
        _require_known(kind, located)
    return table, str(own)


def own_files() -> tuple[Path, ...]:
    """Return where a person's own table may lie, the first that wins first."""
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(NAME), Path(settings) / "cosmos-recipes" / NAME


def _require_known(kind: str, located: Located) -> None:
    if kind not in GPUS:
        close = nearest(kind, GPUS)
        fail(
            "CR402",
            f"there is no kind of GPU called `{kind}` to have a price",
            place=located.place_of(("gpu_hour", kind), True),
            expected=f"one of {', '.join(GPUS)}",
            found=kind,
            hint=f"did you mean `{close}`?" if close else "choose one of these",
        )
