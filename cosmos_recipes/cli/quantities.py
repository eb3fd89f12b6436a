"""Rates, times, angles and sizes as options, read as recipes have them."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan, pi

import typer

MOST_PX = 16384
"""The longest side of a picture that is looked at: twice that of 8K video."""


def rate_hz(text: str) -> float:
    """Return the frames per second that `--rate` says.

    Raises:
        typer.BadParameter: it says no rate.
    """
    from cosmos_recipes.recipe.quantities import QuantityError, parse_quantity

    try:
        found_hz = parse_quantity(text, "rate")
    except QuantityError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint="--rate") from error
    if not found_hz > 0:
        raise typer.BadParameter(f"{text!r} is not a rate above zero", param_hint="--rate")
    return found_hz


def duration_s(text: str, *, option: str) -> float:
    """Return the seconds that an option says.

    Raises:
        typer.BadParameter: it says no time above zero.
    """
    from cosmos_recipes.recipe.quantities import QuantityError, parse_quantity

    try:
        found_s = parse_quantity(text, "duration")
    except QuantityError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint=option) from error
    if not found_s > 0:
        raise typer.BadParameter(f"{text!r} is not a time above zero", param_hint=option)
    return found_s


def angle_rad(text: str, *, option: str) -> float:
    """Return the angle in rad, of a picture seen by a pinhole, that an option says.

    Raises:
        typer.BadParameter: it says no angle between 0 and 180 degrees.
    """
    from cosmos_recipes.recipe.quantities import QuantityError, parse_quantity

    try:
        found_rad = parse_quantity(text, "angle")
    except QuantityError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint=option) from error
    if not 0 < found_rad < pi:
        raise typer.BadParameter(f"{text!r} is not between 0 and 180 deg", param_hint=option)
    return found_rad


def number(*, most: float, least: float = -inf, above: float = -inf) -> Callable[[str], float]:
    """Return what reads an option's number within limits, of which `above` is none of the numbers itself."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = nan
        if not (least <= found <= most and found > above):
            low = f"above {above:g}" if above > least else f"from {least:g}"
            raise typer.BadParameter(f"{text!r} is not a number {low} to {most:g}")
        return found

    return read


def size_px(text: str) -> tuple[int, int]:
    """Return height and width that `--size` says.

    Raises:
        typer.BadParameter: it says no size.
    """
    from cosmos_recipes.recipe.quantities import QuantityError, parse_size

    try:
        size = parse_size(text)
    except QuantityError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint="--size") from error
    if max(size) > MOST_PX:
        raise typer.BadParameter(f"{text!r} is more than {MOST_PX} pixels on a side", param_hint="--size")
    return size
