"""Quantities with units: `5 Hz`, `6.4 s`, `80 GB`, `1 dB`, and picture sizes such as `480x640`."""

from __future__ import annotations

import re
from math import pi
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

UNITS: dict[str, dict[str, float]] = {
    "rate": {"Hz": 1.0, "kHz": 1e3, "fps": 1.0},
    "duration": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
    "memory": {"B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
    "level": {"dB": 1.0},
    "angle": {"rad": 1.0, "deg": pi / 180},
}
_EXAMPLES = {"rate": "5 Hz", "duration": "6.4 s", "memory": "80 GB", "level": "1 dB", "angle": "60 deg"}
_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z%]*)\s*")
_SIZE = re.compile(r"\s*([0-9]{1,6})\s*x\s*([0-9]{1,6})\s*")


class QuantityError(ValueError):
    """A quantity that cannot be read: what is wrong with it, what was expected and how to write it."""

    def __init__(self, complaint: str, expected: str, hint: str = "") -> None:
        super().__init__(f"{complaint}; expected {expected}")
        self.complaint, self.expected, self.hint = complaint, expected, hint


def parse_quantity(value: Any, dimension: str) -> float:
    """Return the value in the first unit of `dimension` (Hz, s, B, dB).

    Raises:
        QuantityError: no number, no unit, an unknown unit, or a unit of another dimension.
    """
    expected = _expected(dimension)
    first = next(iter(UNITS[dimension]))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise QuantityError("has no unit", expected, f"write `{value} {first}`")
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise QuantityError("is not a quantity", expected)
    number, unit = float(match[1]), match[2]
    if not unit:
        raise QuantityError("has no unit", expected, f"write `{match[1]} {first}`")
    if unit not in UNITS[dimension]:
        raise QuantityError(*_wrong_unit(unit, dimension), f"units of {dimension} are {', '.join(UNITS[dimension])}")
    return number * UNITS[dimension][unit]


def _wrong_unit(unit: str, dimension: str) -> tuple[str, str]:
    other = next((name for name, table in UNITS.items() if unit in table), None)
    complaint = f"is {_one(other)}, not {_one(dimension)}" if other else f"has an unknown unit, {unit}"
    return complaint, _expected(dimension)


def _expected(dimension: str) -> str:
    return f"{_one(dimension)} with its unit, such as {_EXAMPLES[dimension]}"


def _one(dimension: str) -> str:
    return f"{'an' if dimension[0] == 'a' else 'a'} {dimension}"


def format_quantity(value: float, dimension: str) -> str:
    """Return the value as it is written, in the first unit of `dimension`, with all its digits."""
    short = f"{value:g}"
    return f"{short if float(short) == value else repr(value)} {next(iter(UNITS[dimension]))}"


def _quantity(dimension: str, *, signed: bool = False) -> Any:
    units = "|".join(sorted(UNITS[dimension]))
    number = _NUMBER if signed else _NUMBER.replace("[-+]?", "[+]?", 1)
    example = _EXAMPLES[dimension]

    def read(value: Any, info: ValidationInfo) -> float:
        """Take a plain number from Python as one in the first unit; in YAML the unit is part of the value."""
        is_plain = isinstance(value, float) and not (info.context or {}).get("from_yaml")
        return value if is_plain else parse_quantity(value, dimension)

    return Annotated[
        float,
        *(() if signed else (Field(gt=0),)),
        BeforeValidator(read),
        PlainSerializer(lambda value: format_quantity(value, dimension), return_type=str),
        WithJsonSchema(
            {
                "type": "string",
                "pattern": rf"^\s*{number}\s*({units})\s*$",
                "patternErrorMessage": f"a {dimension} with its unit, such as {example}",
                "examples": [example],
            }
        ),
    ]


def parse_size(value: Any) -> tuple[int, int]:
    """Return (height_px, width_px) from `HEIGHTxWIDTH`.

    Raises:
        QuantityError: not two whole numbers, above zero, joined by an x.
    """
    if isinstance(value, tuple) and len(value) == 2 and all(type(pixels) is int for pixels in value):
        size = (int(value[0]), int(value[1]))
    else:
        match = _SIZE.fullmatch(value) if isinstance(value, str) else None
        size = (int(match[1]), int(match[2])) if match else (0, 0)
    if min(size) < 1:
        raise QuantityError("is not a picture size", "HEIGHTxWIDTH in pixels, such as 480x640", _size_hint(value))
    return size


def _size_hint(value: Any) -> str:
    numbers = re.findall(r"[0-9]+", str(value))
    return f"write `{numbers[0]}x{numbers[1]}`, the height first" if len(numbers) == 2 and "0" not in numbers else ""


Rate = _quantity("rate")
Duration = _quantity("duration")
Memory = _quantity("memory")
Level = _quantity("level", signed=True)
Size = Annotated[
    tuple[int, int],
    BeforeValidator(parse_size),
    PlainSerializer(lambda size: f"{size[0]}x{size[1]}", return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\s*0*[1-9][0-9]{0,5}\s*x\s*0*[1-9][0-9]{0,5}\s*$",
            "patternErrorMessage": "HEIGHTxWIDTH in pixels, such as 480x640",
            "examples": ["480x640"],
        }
    ),
]
