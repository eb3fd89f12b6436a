"""Rates and sizes as options, read as recipes have them."""

from __future__ import annotations

import typer

from cosmos_recipes.recipe.quantities import QuantityError, parse_quantity, parse_size


def rate_hz(text: str) -> float:
    """Return the frames per second that `--rate` says.

    Raises:
        typer.BadParameter: it says no rate.
    """
    try:
        return parse_quantity(text, "rate")
    except QuantityError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint="--rate") from error


def size_px(text: str) -> tuple[int, int]:
    """Return height and width that `--size` says.

    Raises:
        typer.BadParameter: it says no size.
    """
    try:
        return parse_size(text)
    except QuantityError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint="--size") from error
