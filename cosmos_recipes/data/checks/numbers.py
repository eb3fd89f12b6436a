"""Rules about columns of plain numbers: constant, clipped, of another scale, degrees for radians.

Legend: R rows of all recordings, N recordings, A numbers of a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.checks.batch import Batch, Number
from cosmos_recipes.data.checks.facts import ColumnFacts, Facts
from cosmos_recipes.data.checks.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

CONSTANT_ROWS = 8
CLIPPED_SHARE = 0.05
"""A number is clipped if such a part of its rows lies exactly at its greatest or its least value."""
CONTINUOUS_SHARE, CONTINUOUS_ROWS = 0.8, 16
"""A number takes any value, and is no switch, if so many rows between its extremes differ from the row before."""
SCALE_DECLARED, SCALE_OTHERS = 3.0, 10.0
"""How much more or less numbers may vary than statistics say, and those of a recording than those of the others."""
FEWEST_RECORDINGS = 5
MOST_RAD, MOST_STEP_RAD = 4 * pi, pi


def constant_recording(batch: Batch) -> Iterator[Finding]:
    """Find recordings of which no action ever changes."""
    for name, rows in batch.plain("step").items():
        is_constant_N = (rows.most() == rows.least()).all(axis=1) & (rows.lengths_N >= CONSTANT_ROWS)
        for place in np.flatnonzero(is_constant_N).tolist():
            yield batch.finding(
                int(rows.numbers_N[place]),
                f"`{name}` of the recording {{}} never changes",
                expected="actions that change",
                found=f"{_shown(rows.values[rows.starts_N[place]])} in all of {rows.lengths_N[place]} rows",
                hint="leave the recording out, or bind the values that hold the actions",
            )


def angles(batch: Batch) -> Iterator[Finding]:
    """Find numbers that are said to be radians and are far beyond a turn."""
    for at in ("frame", "step"):
        for name, rows in batch.plain(at).items():
            numbers = batch.numbers(name, rows.values.shape[1])
            turns = [number.position for number in numbers if number.unit == "rad"]
            most = [MOST_STEP_RAD if numbers[p].form in ("delta", "difference") else MOST_RAD for p in turns]
            if not turns:
                continue
            beyond_RA: Array = np.abs(rows.values[:, turns]) > np.array(most)
            for number, row, place in rows.first(np.asarray(beyond_RA.any(axis=1))):
                worst = int(beyond_RA[place].argmax())
                yield batch.finding(
                    number,
                    f"{numbers[turns[worst]].label} of the recording {{}} is no angle in radians",
                    row=row,
                    expected=f"{most[worst]:.3g} rad at most",
                    found=f"{rows.values[place, turns[worst]]:.4g} rad",
                    hint="say `unit: deg` if that is what the source has",
                )


def constant_number(facts: Facts) -> Iterator[Finding]:
    """Find numbers of an action that are the same in every row of every recording."""
    for name, column in facts.columns.items():
        if column.at != "step" or column.rows_N.sum() < CONSTANT_ROWS:
            continue
        for number in column.numbers:
            p = number.position
            if column.low_NA[:, p].min() == column.high_NA[:, p].max() and not _is_all_constant(column):
                yield Finding(
                    message=f"{number.label} is the same in every row of every recording",
                    expected="a number that changes somewhere",
                    found=f"{column.low_NA[0, p]:.4g} in all of {column.rows_N.sum()} rows of `{name}`",
                    hint="leave it out with `select`",
                )


def clipped(facts: Facts) -> Iterator[Finding]:
    """Find numbers of an action of which many rows lie exactly at the greatest or the least value that there is."""
    for column in facts.columns.values():
        for number in column.numbers if column.at == "step" else ():
            for end in _clipped_ends(column, number):
                yield _clipped_finding(facts, column, number, *end)


def _clipped_ends(column: ColumnFacts, number: Number) -> Iterator[tuple[float, Array, Array]]:
    """Yield (value, rows at it, first of them) by recording, for the ends that a continuous number is clipped at."""
    p, total = number.position, int(column.rows_N.sum())
    inside, moves = column.inside_NA[:, p].sum(), column.moving_NA[:, p].sum()
    if number.unit == "1" or inside < CONTINUOUS_ROWS or moves < CONTINUOUS_SHARE * inside:
        return
    low, high = column.low_NA[:, p].min(), column.high_NA[:, p].max()
    at_low_N = np.where(column.low_NA[:, p] == low, column.at_low_NA[:, p], 0)
    at_high_N = np.where(column.high_NA[:, p] == high, column.at_high_NA[:, p], 0)
    if low != 0 and at_low_N.sum() > CLIPPED_SHARE * total:
        yield float(low), at_low_N, column.first_low_NA[:, p]
    if high != 0 and at_high_N.sum() > CLIPPED_SHARE * total:
        yield float(high), at_high_N, column.first_high_NA[:, p]


def _clipped_finding(
    facts: Facts, column: ColumnFacts, number: Number, value: float, at_N: Array, first_N: Array
) -> Finding:
    worst, total = int(at_N.argmax()), int(column.rows_N.sum())
    return facts.finding(
        int(column.recordings_N[worst]),
        f"{number.label} seems to be clipped, most of all in the recording {{}}",
        row=int(first_N[worst]),
        expected="few rows exactly at the greatest or the least value",
        found=f"{at_N.sum() / total:.0%} of {total} rows are exactly {value:.4g}",
        hint="take the actions before they were clipped, or say so in the data set's summary",
    )


def scale_declared(facts: Facts) -> Iterator[Finding]:
    """Find numbers that vary much more or less than the declared statistics say."""
    for name, declared in facts.dataset.statistics.items():
        column = facts.columns.get(name)
        if column is None or len(declared.std) != len(column.numbers):
            continue
        for number in column.numbers:
            said, found = declared.std[number.position], float(column.std_A[number.position])
            ratio = found / said if said else 1.0
            if found and not 1 / SCALE_DECLARED <= ratio <= SCALE_DECLARED:
                yield Finding(
                    message=f"{number.label} does not have the scale that the data set's statistics say",
                    expected=f"a standard deviation of about {said:.4g} {_unit(number)}",
                    found=f"{found:.4g} {_unit(number)}, {_times(ratio)}",
                    hint="correct `unit`, or let `cosmos-recipe data describe --write` measure the statistics again",
                )


def scale_of_others(facts: Facts) -> Iterator[Finding]:
    """Find recordings whose numbers all vary much more, or much less, than those of the others."""
    for name, column in facts.columns.items():
        with_unit = [number.position for number in column.numbers if number.unit != "1"]
        std_NA = column.std_NA[:, with_unit]
        usual_A = np.median(std_NA, axis=0) if len(std_NA) >= FEWEST_RECORDINGS else np.zeros(len(with_unit))
        varies = usual_A > 0
        if not varies.any():
            continue
        with np.errstate(divide="ignore"):
            ratio_NA = std_NA[:, varies] / usual_A[varies]
            all_more_N, all_less_N = (ratio_NA > SCALE_OTHERS).all(1), (ratio_NA < 1 / SCALE_OTHERS).all(1)
        for place in np.flatnonzero((all_more_N | all_less_N) & (ratio_NA > 0).all(1)).tolist():
            yield facts.finding(
                int(column.recordings_N[place]),
                f"`{name}` of the recording {{}} has another scale than that of the others",
                expected="numbers that vary about as much as in the other recordings",
                found=_times(float(np.exp(np.log(ratio_NA[place]).mean()))),
                hint="bring this recording's numbers to the unit of the others",
            )


def _is_all_constant(column: ColumnFacts) -> bool:
    """Return whether nothing changes at all, which is told of each recording already."""
    return bool((column.low_NA == column.high_NA).all())


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times that" if ratio >= 1 else f"{1 / ratio:.3g} times less than that"


def _unit(number: Number) -> str:
    return "" if number.unit == "1" else number.unit


def _shown(row_A: Array) -> str:
    return (
        "["
        + ", ".join(f"{number:.4g}" for number in np.atleast_1d(row_A)[:6])
        + (", ..." if len(row_A) > 6 else "")
        + "]"
    )
