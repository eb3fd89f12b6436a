"""Quantities with units: `5 Hz`, `6.4 s`, `80 GB`, `1 dB`, and picture sizes such as `480x640`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

UNITS: dict[str, dict[str, float]] = {
    "rate": {"Hz": 1.0, "kHz": 1e3, "fps": 1.0},
    "duration": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
    "memory": {"B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
    "level": {"dB": 1.0},
}
_QUANTITY = re.compile(r"\s*([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z]+)\s*")
_SIZE = re.compile(r"\s*([0-9]+)\s*x\s*([0-9]+)\s*")


def parse_quantity(value: Any, dimension: str) -> float:
    """Return the value in the first unit of `dimension` (Hz, s, B, dB).

    Raises:
        ValueError: no unit, an unknown unit, or a unit of another dimension.
    """
    units = UNITS[dimension]
    example = f"a {dimension} such as {_EXAMPLES[dimension]}"
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{example}, with its unit")
    number, unit = float(match[1]), match[2]
    if unit not in units:
        other = next((name for name, table in UNITS.items() if unit in table), None)
        raise ValueError(f"{example}; {unit} is " + (f"a unit of {other}" if other else "not a unit known here"))
    return number * units[unit]


_EXAMPLES = {"rate": "5 Hz", "duration": "6.4 s", "memory": "80 GB", "level": "1 dB"}


def _quantity(dimension: str) -> Any:
    unit = next(iter(UNITS[dimension]))
    pattern = rf"^\s*[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?\s*({'|'.join(UNITS[dimension])})\s*$"
    return Annotated[
        float,
        BeforeValidator(lambda value: value if isinstance(value, float) else parse_quantity(value, dimension)),
        PlainSerializer(lambda value: f"{value:g} {unit}", return_type=str),
        WithJsonSchema({"type": "string", "pattern": pattern, "examples": [_EXAMPLES[dimension]]}),
    ]


def parse_size(value: Any) -> tuple[int, int]:
    """Return (height_px, width_px) from `HEIGHTxWIDTH`.

    Raises:
        ValueError: not two whole numbers joined by an x.
    """
    if isinstance(value, tuple):
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a picture size as HEIGHTxWIDTH in pixels, such as 480x640")
    return int(match[1]), int(match[2])


Rate = _quantity("rate")
Duration = _quantity("duration")
Memory = _quantity("memory")
Level = _quantity("level")
Size = Annotated[
    tuple[int, int],
    BeforeValidator(parse_size),
    PlainSerializer(lambda size: f"{size[0]}x{size[1]}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\s*[0-9]+\s*x\s*[0-9]+\s*$", "examples": ["480x640"]}),
]
