"""A rule about actions and states: what is done must lead to what is measured next.

Legend: N recordings, P pairs of a number of an action and one of a state, L lags.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.checks.batch import Number
from cosmos_recipes.data.checks.facts import Facts
from cosmos_recipes.data.checks.findings import Finding
from cosmos_recipes.data.checks.match import LAGS, Moments, best_pairs, covariances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

TIED, CLEARLY_TIED = 0.8, 0.9
"""Correlation from which on an action and a state belong together."""
FAR_CLOSER = 4.0
"""Rows are shifted if another lag leaves so many times less unexplained than none."""
SCALE = 3.0
LEAST_PART = 0.05
"""A recording says something of a number if that varies by so much of what it varies on average."""


def actions_match_states(facts: Facts) -> Iterator[Finding]:
    """Find recordings whose actions are shifted, turned round or of another scale than the changes of their states."""
    for moments in facts.matches:
        chosen = [(place, action, state) for place, action, state in best_pairs(moments) if _is_tied(moments, place)]
        if not chosen:
            continue
        shifted = {}
        if moments.pairs[0][0].form == "delta":
            shifted = dict(_shifted(moments, [place for place, action, _ in chosen if action.form == "delta"]))
        for place, lag in shifted.items():
            yield _shift_finding(facts, moments, place, lag)
        for pair, action, state in chosen:
            yield from _slopes(facts, moments, (pair, action, state), shifted)


def _is_tied(moments: Moments, pair: int) -> bool:
    """Return whether action and state belong together in any recording, whatever the sign and the lag."""
    return bool((np.abs(_correlation(moments.sums[:, :, pair])) > TIED).any())


def _correlation(sums: Array) -> Array:
    var_x, var_y, cov = covariances(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(cov / np.sqrt(var_x * var_y)))


def _shifted(moments: Moments, pairs: list[int]) -> Iterator[tuple[int, int]]:
    """Yield (place among the recordings, lag) where another lag than none fits far better, all numbers taken together."""
    var_x, var_y, cov = (part[:, :, pairs] for part in covariances(moments.sums))
    unit_x_P, unit_y_P = (np.maximum(part[:, LAGS.index(0)].mean(axis=0), 1e-30) for part in (var_x, var_y))
    x_NL, y_NL = (var_x / unit_x_P).sum(-1), (var_y / unit_y_P).sum(-1)
    sign_P = np.sign(cov[:, LAGS.index(0)].sum(axis=0))
    tie_NL = (cov * sign_P / np.sqrt(unit_x_P * unit_y_P)).sum(-1) / np.sqrt(np.maximum(x_NL * y_NL, 1e-30))
    best_N = tie_NL.argmax(axis=1)
    best_tie_N, own_tie_N = tie_NL.max(axis=1), tie_NL[:, LAGS.index(0)]
    is_shifted = (
        (best_tie_N > CLEARLY_TIED) & (1 - own_tie_N > FAR_CLOSER * (1 - best_tie_N)) & (x_NL.max(1) > LEAST_PART)
    )
    for place in np.flatnonzero(is_shifted & (best_N != LAGS.index(0))).tolist():
        yield place, LAGS[best_N[place]]


def _shift_finding(facts: Facts, moments: Moments, place: int, lag: int) -> Finding:
    way = "later" if lag > 0 else "earlier"
    return facts.finding(
        int(moments.recordings_N[place]),
        f"`{moments.action}` of the recording {{}} is shifted by a row against `{moments.state}`",
        expected="in each row the action that leads to the next row's state",
        found=f"actions that fit the change of the state one row {way}",
        hint="shift the rows of the source by one",
    )


def _slopes(
    facts: Facts, moments: Moments, chosen: tuple[int, Number, Number], shifted: dict[int, int]
) -> Iterator[Finding]:
    """Find recordings in which a number of the action has the wrong sign or scale."""
    pair, action, state = chosen
    sums_N = moments.sums[:, LAGS.index(0), pair]
    var_x_N, _, cov_N = covariances(sums_N)
    tie_N = _correlation(sums_N)
    slope_N = np.where(var_x_N > 0, cov_N / np.maximum(var_x_N, 1e-30), 1.0)
    tells_N = var_x_N > LEAST_PART**2 * np.median(var_x_N)
    is_other_scale = (tie_N > TIED) & ((slope_N > SCALE) | (slope_N < 1 / SCALE))
    for place in np.flatnonzero(tells_N & ((tie_N < -TIED) | is_other_scale)).tolist():
        if place in shifted:
            continue
        is_turned = bool(tie_N[place] < -TIED)
        what = "has the opposite sign of" if is_turned else "has another scale than"
        change = "the change of " if action.form == "delta" else ""
        yield facts.finding(
            int(moments.recordings_N[place]),
            f"{action.label} of the recording {{}} {what} {change}{state.label}",
            expected=f"{change or 'the next row of '}{state.label} about 1 times the action",
            found=f"about {slope_N[place]:.3g} times it",
            hint="correct the unit, the order of the numbers, or the sign in the source",
        )
