"""A quantity means the same however it is written, and a number without its unit never passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cosmos_recipes.recipe.quantities import (
    UNITS,
    QuantityError,
    Rate,
    Size,
    format_quantity,
    parse_quantity,
    parse_size,
)
from cosmos_recipes.recipe.validation import FROM_YAML


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("5 Hz", "rate", 5.0),
        ("5Hz", "rate", 5.0),
        ("29.97 fps", "rate", 29.97),
        ("1.5 kHz", "rate", 1500.0),
        ("6.4 s", "duration", 6.4),
        ("200 ms", "duration", 0.2),
        ("1.5 h", "duration", 5400.0),
        ("80 GB", "memory", 80e9),
        ("80 GiB", "memory", 80 * 2**30),
        ("1e3 B", "memory", 1000.0),
        ("-1 dB", "level", -1.0),
        (" .5  dB ", "level", 0.5),
    ],
)
def test_units(text: str, dimension: str, value: float) -> None:
    assert parse_quantity(text, dimension) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "value", [5, 5.0, "5", "Hz", "5 s", "5 hz", "5 Hz Hz", "five Hz", "", "5 %", True, None, ["5 Hz"], "1e3"]
)
def test_anything_else_is_no_rate(value: object) -> None:
    with pytest.raises(QuantityError):
        parse_quantity(value, "rate")


@given(st.sampled_from(sorted(UNITS)), st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_read_back_exactly(dimension: str, value: float) -> None:
    assert parse_quantity(format_quantity(value, dimension), dimension) == value


@given(st.integers(1, 999_999), st.integers(1, 999_999))
def test_sizes_are_height_first_and_read_back(height_px: int, width_px: int) -> None:
    size = TypeAdapter(Size)
    assert size.validate_python(f"{height_px}x{width_px}") == (height_px, width_px)
    assert size.dump_python((height_px, width_px)) == f"{height_px}x{width_px}"


@pytest.mark.parametrize(
    "value",
    ["64", "64x", "64 by 64", "0x64", "64x0", "1.5x2", "-64x64", 64, (64,), (0, 64), (64.0, 64), True, "9" * 7 + "x1"],
)
def test_anything_else_is_no_size(value: object) -> None:
    with pytest.raises(QuantityError):
        parse_size(value)


def test_python_may_give_plain_numbers_in_the_first_unit_and_yaml_may_not() -> None:
    rate = TypeAdapter(Rate)
    assert rate.validate_python(5.0) == 5.0
    with pytest.raises(ValidationError):
        rate.validate_python(5.0, context=FROM_YAML)


@pytest.mark.parametrize("value", ["0 Hz", "-5 Hz", "1e999 Hz"])
def test_a_rate_is_above_zero_and_finite(value: str) -> None:
    from pydantic import BaseModel, ConfigDict

    class Clip(BaseModel):
        model_config = ConfigDict(allow_inf_nan=False)
        rate: Rate

    with pytest.raises(ValidationError):
        Clip.model_validate({"rate": value})
