"""Plain scalars by the core schema of YAML 1.2."""

from __future__ import annotations

import re
from math import isfinite

Scalar = str | int | float | bool | None

_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NAMED: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MOST_DIGITS = 25


def resolve_scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar: `1e-3` is a number; `no`, `12:30`, `1_000` and `2024-01-01` are texts.

    Raises:
        OverflowError: a number that is not finite, or a whole one that does not fit 64 bits.
    """
    if text in _NAMED:
        return _NAMED[text]
    if _DECIMAL.fullmatch(text):
        return _fitting(int(text)) if len(text) <= _MOST_DIGITS else _overflow()
    if _BASED.fullmatch(text):
        return _fitting(int(text, 0)) if len(text) <= _MOST_DIGITS else _overflow()
    if _ENDLESS.fullmatch(text):
        return _overflow()
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    return number if isfinite(number) else _overflow()


def _fitting(number: int) -> int:
    return number if -(2**63) <= number < 2**63 else _overflow()


def _overflow() -> int:
    raise OverflowError("the number is not finite or does not fit 64 bits")
