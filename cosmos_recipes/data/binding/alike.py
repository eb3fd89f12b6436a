"""Whether the columns of two data sets, which keep one contract, mean the same, so that a model can take either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cosmos_recipes.data.binding.declare import Declaration, Declared
from cosmos_recipes.data.binding.spec import RATE_HZ, ColumnBinding
from cosmos_recipes.data.binding.units import canonical


def difference(one: Declaration, other: Declaration) -> tuple[str, str, str] | None:
    """Return the first column of numbers that does not mean the same, and what it means in the one and in the other."""
    for name in {**one.numbers, **other.numbers}:
        if not (name in one.numbers and name in other.numbers):
            bound = ("bound", "not bound")
            return (name, *(bound if name in one.numbers else bound[::-1]))
        ours, theirs = _meaning(one.numbers[name]), _meaning(other.numbers[name])
        for key in ours.keys() & theirs.keys():
            if ours[key] != theirs[key]:
                return name, f"{key} {ours[key]}", f"{key} {theirs[key]}"
    return None


def _meaning(said: Declared) -> Mapping[str, Any]:
    """Return what is said of a column, as far as it is still so once the numbers are canonical."""
    binding, is_step = said.binding, said.column.belongs_to == "step"
    meaning = {
        "unit": _each(binding.unit, canonical),
        "form": _each(binding.form, lambda form: "set-point" if form == "absolute" else "change"),
        "names": ", ".join(binding.names or ()),
        "relative to": (binding.relative_to or "end-effector") if is_step and said.convention else None,
        "convention": said.convention if is_step else None,
        "rate": _rate(binding) if said.column.convention == "future-points" else None,
    }
    return {key: value for key, value in meaning.items() if value}


def _each(said: Any, what: Any) -> str:
    """Return a setting of each number; one that is the same for all is said once."""
    each = [what(one) for one in ((said,) if isinstance(said, str) else said or ())]
    return ", ".join(each[:1] if len({*each}) == 1 else each)


def _rate(binding: ColumnBinding) -> str:
    return f"{binding.rate or RATE_HZ:g} Hz"
