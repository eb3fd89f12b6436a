"""Units that a source may have its numbers in, and what makes canonical ones of them: metres, seconds, radians."""

from __future__ import annotations

from math import pi

UNITS: dict[str, tuple[str, float]] = {
    "1": ("1", 1.0),
    "%": ("1", 0.01),
    "m": ("m", 1.0),
    "cm": ("m", 0.01),
    "mm": ("m", 0.001),
    "km": ("m", 1000.0),
    "rad": ("rad", 1.0),
    "deg": ("rad", pi / 180),
    "s": ("s", 1.0),
    "ms": ("s", 1e-3),
    "us": ("s", 1e-6),
    "ns": ("s", 1e-9),
    "px": ("px", 1.0),
    "m/s": ("m/s", 1.0),
    "cm/s": ("m/s", 0.01),
    "mm/s": ("m/s", 0.001),
    "km/h": ("m/s", 1 / 3.6),
    "m/s2": ("m/s2", 1.0),
    "g": ("m/s2", 9.80665),
    "rad/s": ("rad/s", 1.0),
    "deg/s": ("rad/s", pi / 180),
}
"""By name: the canonical unit, and how many of it one is. `1` has no unit, such as an opening from 0 to 1."""


def canonical(unit: str) -> str:
    """Return the canonical unit of the same quantity; raises KeyError."""
    return UNITS[unit][0]


def factor(unit: str) -> float:
    """Return by what numbers in this unit are multiplied to be in the canonical one; raises KeyError."""
    return UNITS[unit][1]
