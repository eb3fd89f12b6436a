"""Some recordings, with their rows put one after the other, so that rules look at all of them at once.

Legend: R rows of all recordings, N recordings, V views, A numbers of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cosmos_recipes.data.binding.declare import Declaration, Declared
from cosmos_recipes.data.binding.spec import Form
from cosmos_recipes.data.binding.units import canonical
from cosmos_recipes.data.checks.findings import Finding
from cosmos_recipes.data.checks.seen import Seen
from cosmos_recipes.data.checks.segments import Segments
from cosmos_recipes.data.index.windows import ClipSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_ROWS = 4
"""Recordings with fewer rows say nothing about how their rows follow each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """One number of a column of plain numbers: what it is called, its canonical unit, and how an action means it."""

    column: str
    position: int
    label: str
    name: str | None
    unit: str
    form: Form | None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some recordings. `wanted` are the shapes of a clip's columns in the data set; recordings of others have no rows."""

    declaration: Declaration
    clip: ClipSpec
    seen: Sequence[Seen]
    wanted: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    _kept: dict[str, Segments | None] = field(default_factory=dict)

    def rows(self, name: str, fewest: int = FEWEST_ROWS) -> Segments | None:
        """Return the rows of a column (R, ...), those of views with the axis of views second; None if there are none."""
        return self._segments(f"rows {name} {fewest}", [each.columns.get(name) for each in self.seen], fewest)

    def ego(self, name: str) -> Segments | None:
        """Return poses of vehicles (R, 4, 4), ego-to-world, that a column is bound to."""
        return self._segments(f"ego {name}", [each.ego.get(name) for each in self.seen], FEWEST_ROWS)

    def moments(self, of: Segments) -> NDArray[np.float64]:
        """Return the moment of each row of segments whose recordings have as many rows as moments (R)."""
        all_s = [self.seen[number].rows_s for number in of.numbers_N.tolist()]
        return np.concatenate([rows_s for rows_s in all_s if rows_s is not None])

    def of_convention(self, convention: str) -> list[str]:
        """Return the bound columns with that canonical form."""
        return [name for name, said in self.declaration.numbers.items() if said.column.convention == convention]

    def plain(self, at: Literal["frame", "step"]) -> dict[str, Segments]:
        """Return the rows (R, A) of the columns of plain numbers that belong to frames or to steps."""
        flat = {}
        for name, said in self.declaration.numbers.items():
            rows = self.rows(name) if is_plain(said) and said.column.belongs_to == at else None
            if rows is not None:
                flat[name] = rows.with_values(rows.values.reshape(len(rows.values), -1).astype(np.float64))
        return flat

    def numbers(self, name: str, count: int) -> list[Number]:
        """Return what each of the numbers of a column is."""
        return numbers_of(self.declaration.columns[name], count)

    def finding(self, number: int, message: str, *, row: int | None = None, **texts: str) -> Finding:
        """Return what was found in the recording of that number; see `Finding.about`."""
        return Finding.about(self.seen[number], message, row=row, **texts)

    def _segments(self, key: str, arrays: Sequence[NDArray[Any] | None], fewest: int) -> Segments | None:
        if key not in self._kept:
            tail = next((array.shape[1:] for array in arrays if array is not None), ())
            own = [(a, n) for n, a in enumerate(arrays) if a is not None and a.shape[1:] == tail and self._fits(n)]
            self._kept[key] = Segments.of([a for a, _ in own], [n for _, n in own], fewest=fewest) if own else None
        return self._kept[key]

    def _fits(self, number: int) -> bool:
        shapes = self.seen[number].shapes
        return not shapes or not self.wanted or shapes == self.wanted


def is_plain(said: Declared) -> bool:
    """Return whether a column is rows of numbers without a geometry."""
    return said.column.kind == "tensor" and said.column.convention is None


def numbers_of(said: Declared, count: int) -> list[Number]:
    """Return what each of `count` numbers of a column is."""
    binding = said.binding
    names: Sequence[str | None] = binding.names if binding.names and len(binding.names) == count else [None] * count
    units, forms = _each(binding.unit or said.column.unit, count), _each(binding.form, count)
    return [
        Number(
            column=said.name,
            position=position,
            label=f"`{said.name}` {name}" if name else f"number {position} of `{said.name}`",
            name=name,
            unit=canonical(unit) if unit not in (None, "declared") else "1",
            form=form,
        )
        for position, (name, unit, form) in enumerate(zip(names, units, forms, strict=True))
    ]


def _each(said: Any, count: int) -> Sequence[Any]:
    return (
        said if isinstance(said, tuple) and len(said) == count else [None if isinstance(said, tuple) else said] * count
    )
