"""Numbers of columns as they are shown: what each is called, its unit, and its least, mean and greatest over the clips.

Legend: A numbers of a row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.binding.declare import Declared
from cosmos_recipes.data.binding.units import canonical

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.data.preview.clips import PreviewClip
    from cosmos_recipes.data.statistics import Normaliser


HEADS = ("over these clips", "number", "least", "mean", "greatest", "normalised to")
"""What the cells of a figure's row are."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of a column's rows. `form` is that of an action, absolute, delta or difference, or empty."""

    name: str
    unit: str
    form: str = ""

    @property
    def title(self) -> str:
        """`dx (m)`."""
        return self.name if self.unit == "1" else f"{self.name} ({self.unit})"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What a number is over all clips that are shown, and from where to where it goes once normalised."""

    column: str
    title: str
    low: float
    mean: float
    high: float
    normalised: tuple[float, float] | None


def numbers_of(said: Declared, count: int) -> tuple[Number, ...]:
    """Return what is known of each number of a column's rows."""
    column, binding = said.column, said.binding
    names = binding.names
    if names is None or len(names) != count:
        names = tuple(f"{said.name} {n}" for n in range(count)) if count > 1 else (said.name,)
    units = _each(binding.unit, column.unit if column.unit and column.unit != "declared" else "1", count)
    forms = _each(binding.form, "absolute" if column.belongs_to == "step" else "", count)
    return tuple(
        Number(name=name, unit=canonical(unit), form=form) for name, unit, form in zip(names, units, forms, strict=True)
    )


def _each(said: str | tuple[str, ...] | None, default: str, count: int) -> tuple[str, ...]:
    return said if isinstance(said, tuple) else (said or default,) * count


def figures(clips: Sequence[PreviewClip], normalisers: Mapping[str, Normaliser]) -> list[Figure]:
    """Return the figures of all columns of plain numbers."""
    found: list[Figure] = []
    for name, said in clips[0].declared.items():
        if said.column.convention is None:
            rows = [rows_of(clip.columns[name], said) for clip in clips]
            found += _figures(np.concatenate(rows), said, normalisers.get(name))
    return found


def rows_of(values: NDArray[Any], said: Declared) -> NDArray[Any]:
    """Return a column's values as rows (R, A) of the numbers that have names; of others there is one number a row."""
    is_row = sum(isinstance(axis, int) or axis not in ("T", "S", "V", "N") for axis in said.column.shape) == 1
    return values.reshape(-1, values.shape[-1]) if is_row and values.ndim else values.reshape(-1, 1)


def _figures(rows_RA: NDArray[Any], said: Declared, normaliser: Normaliser | None) -> list[Figure]:
    normal_RA = normaliser.normalise(rows_RA) if normaliser else None
    return [
        Figure(
            column=said.name,
            title=number.title,
            low=float(own.min()),
            mean=float(own.mean()),
            high=float(own.max()),
            normalised=None if normal_RA is None else (float(normal_RA[:, a].min()), float(normal_RA[:, a].max())),
        )
        for a, (own, number) in enumerate(zip(rows_RA.T, numbers_of(said, rows_RA.shape[1]), strict=True))
    ]


def shown_number(value: float, span: float) -> str:
    """Return a number with as many digits as matter where numbers span so much."""
    digits = 2 - math.floor(math.log10(span)) if span > 0 else 3
    return f"{value:.{min(max(digits, 0), 6)}f}" if abs(value) < 1e6 else f"{value:.3g}"


def figure_row(figure: Figure) -> tuple[str, ...]:
    """Return the cells of a figure's row."""
    normal = figure.normalised
    told = f"{normal[0]:.2f} to {normal[1]:.2f}" if normal else ""
    return (figure.column, figure.title, f"{figure.low:.4g}", f"{figure.mean:.4g}", f"{figure.high:.4g}", told)
