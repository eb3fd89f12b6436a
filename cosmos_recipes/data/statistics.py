"""Statistics of columns of numbers over the training split, and what is made of numbers with them.

Legend: R rows, A numbers of a row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.binding.spec import ColumnStatistics, Normalisation
from cosmos_recipes.data.contract import Column, element_axes
from cosmos_recipes.data.index.read import ClipIndex
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.files import write_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "normalise.json"
MOST_ROWS = 1_000_000
"""Rows that quantiles are taken of, evenly spread; everything else is of all rows."""
DIGITS = 9
"""Digits that statistics are written with: as many as float32 has, however far from nought numbers are."""
LEAST_SPREAD = 1e-6
"""A number that varies less is only moved, not scaled."""


def measure(rows_RA: NDArray[np.floating[Any]]) -> ColumnStatistics:
    """Return the statistics of rows."""
    rows = np.asarray(rows_RA, dtype=np.float64)
    low, high = np.quantile(rows[:: -(-len(rows) // MOST_ROWS)], (0.01, 0.99), axis=0)
    figures = {
        "mean": rows.mean(0),
        "std": rows.std(0),
        "min": rows.min(0),
        "max": rows.max(0),
        "q01": low,
        "q99": high,
    }
    return ColumnStatistics.model_validate(
        {
            "count": len(rows),
            **{name: [float(f"{each:.{DIGITS}g}") for each in values] for name, values in figures.items()},
        }
    )


def measure_index(index: ClipIndex, columns: Mapping[str, Column], *, part: int = 0) -> dict[str, ColumnStatistics]:
    """Return the statistics of columns over a set's clips of the training split; rows that clips share count each time."""
    train = index.ids("train")
    train = train[index.part_of[train] == part]
    return {
        name: measure(rows_of(np.concatenate(index.column(name))[train], column)) for name, column in columns.items()
    }


def rows_of(values_N: NDArray[np.floating[Any]], column: Column) -> NDArray[np.floating[Any]]:
    """Return the values (R, A) of all clips as rows of numbers; A is 1 where the column has one number at a time."""
    return values_N.reshape(-1, values_N.shape[-1] if element_axes(column) else 1)


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """Which columns of a data set are normalised, and how; `statistics` are those that its file declares."""

    how: Mapping[str, Normalisation]
    statistics: Mapping[str, ColumnStatistics]


def keep_normalisation(index: ClipIndex, columns: Mapping[str, Column], sets: Sequence[Normalised]) -> None:
    """Keep beside an index how each set's columns are normalised: by declared statistics, or those of its training split."""
    kept = []
    for part, own in enumerate(sets):
        missing = {name: columns[name] for name in own.how if name not in own.statistics}
        measured = measure_index(index, missing, part=part)
        statistics = {**own.statistics, **measured}
        for name in own.how:
            _require_usable(name, statistics[name], rows_of(index.column(name)[0], columns[name]).shape[-1])
        kept.append(
            {n: {"how": how, "statistics": statistics[n].model_dump(mode="json")} for n, how in own.how.items()}
        )
    write_json(index.folder / FILE, kept)


def _require_usable(name: str, statistics: ColumnStatistics, count: int) -> None:
    """Refuse statistics that numbers cannot be normalised by (CR515)."""
    if len(statistics.mean) != count:
        expected, found = f"{count} numbers in each list", f"{len(statistics.mean)}"
    elif not np.isfinite([statistics.min, statistics.max]).all():
        expected, found = "finite numbers, or `rules: [finite]` in the contract", "numbers that are not finite"
    else:
        return
    fail(
        "CR515",
        f"`{name}` cannot be normalised by these statistics",
        expected=expected,
        found=found,
        hint="let `cosmos-recipe data describe` write them, or remove the column from `normalise`",
    )


def read_normalisers(folder: Path) -> list[dict[str, Normaliser]]:
    """Return what normalises the columns of each set of a prepared folder; those that stay as they are, are not among them."""
    return normalisers(json.loads((folder / FILE).read_text(encoding="utf-8")) if (folder / FILE).exists() else [])


def normalisers(kept: Sequence[Mapping[str, Any]]) -> list[dict[str, Normaliser]]:
    """Return what normalises the columns of each set, from what `keep_normalisation` wrote."""
    return [
        {
            name: Normaliser(each["how"], ColumnStatistics.model_validate(each["statistics"]))
            for name, each in own.items()
        }
        for own in kept
    ]


class Normaliser:
    """Makes normalised numbers of a column's canonical ones, and canonical ones of those."""

    def __init__(self, how: Normalisation, statistics: ColumnStatistics) -> None:
        low, high = {
            "quantile": (statistics.q01, statistics.q99),
            "range": (statistics.min, statistics.max),
            "standard": (
                np.subtract(statistics.mean, statistics.std),
                np.add(statistics.mean, statistics.std),
            ),
        }[how]
        low_A, high_A = np.asarray(low, np.float64), np.asarray(high, np.float64)
        spread_A = (high_A - low_A) / 2
        self.centre_A = (low_A + high_A) / 2
        self.spread_A = np.where(spread_A < LEAST_SPREAD, 1.0, spread_A)

    @property
    def numbers(self) -> int:
        """How many numbers of a row there are statistics of."""
        return len(self.centre_A)

    def normalise(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return numbers of which most lie between -1 and 1."""
        return np.asarray((values - self.centre_A) / self.spread_A, dtype=np.float32)

    def restore(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return the canonical numbers: the inverse of `normalise`."""
        return np.asarray(values * self.spread_A + self.centre_A, dtype=np.float32)
