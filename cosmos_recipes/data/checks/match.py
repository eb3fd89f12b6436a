"""Do actions lead to the states that follow them? Sums for a regression of the one on the other, recording by recording.

Legend: R rows of all recordings, N recordings, P pairs of a number of an action and one of a state, L lags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.checks.batch import Batch, Number
from cosmos_recipes.data.checks.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LAGS = (-1, 0, 1)
"""Rows by which the change of the state is taken later than the action."""
FEWEST_PAIRED = 10
MOST_PAIRS = 64
"""Pairs that are tried where neither names nor equal counts say which number of the state belongs to an action's."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Sums over the rows of each recording (N, L, P, 6) of action x and change of state y: n, x, y, xx, yy and xy.

    Of set-points x is the action and y the state that follows.
    """

    action: str
    state: str
    pairs: Sequence[tuple[Number, Number]]
    recordings_N: NDArray[np.int64]
    sums: Array

    @classmethod
    def joined(cls, parts: Sequence[Moments]) -> list[Moments]:
        """Return one for each pair of columns."""
        keys = dict.fromkeys((part.action, part.state) for part in parts)
        groups = [[part for part in parts if (part.action, part.state) == key] for key in keys]
        return [
            cls(
                action=own[0].action,
                state=own[0].state,
                pairs=own[0].pairs,
                recordings_N=np.concatenate([part.recordings_N for part in own]),
                sums=np.concatenate([part.sums for part in own]),
            )
            for own in groups
        ]


def covariances(sums: Array) -> tuple[Array, Array, Array]:
    """Return variance of x, variance of y and covariance, each with the axes of the sums but the last."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    n = np.maximum(n, 1)
    return xx / n - (x / n) ** 2, yy / n - (y / n) ** 2, xy / n - x * y / n**2


def moments_of(batch: Batch, first: int) -> list[Moments]:
    """Return the sums for every column of actions with every column of states; `first` is the first recording's number."""
    states = batch.plain("frame")
    found = [
        _moments(batch, first, (action, own), (state, rows))
        for (action, own), (state, rows) in product(batch.plain("step").items(), states.items())
    ]
    return [each for each in found if each is not None]


def _moments(batch: Batch, first: int, action: tuple[str, Segments], state: tuple[str, Segments]) -> Moments | None:
    (action_name, actions), (state_name, states) = action, state
    pairs = _pairs(
        batch.numbers(action_name, actions.values.shape[1]), batch.numbers(state_name, states.values.shape[1])
    )
    common, own, rows = _of_same_rows(actions, states)
    if not pairs or common is None:
        return None
    x_RP = actions.values[own][:, [of_action.position for of_action, _ in pairs]]
    of_state = [of_state.position for _, of_state in pairs]
    before_RP, after_RP = states.values[rows][:, of_state], states.values[rows + 1][:, of_state]
    is_change_P = np.array([of_action.form == "delta" for of_action, _ in pairs])
    y_RP = after_RP - np.where(is_change_P, before_RP, 0)
    return Moments(
        action=action_name,
        state=state_name,
        pairs=pairs,
        recordings_N=common.numbers_N + first,
        sums=np.stack([_sums(common, x_RP, y_RP, lag) for lag in LAGS], axis=1),
    )


def _of_same_rows(actions: Segments, states: Segments) -> tuple[Segments | None, Array, Array]:
    """Return the rows of actions that a state follows: as segments, where they are among actions, and among states."""
    numbers, own, other = np.intersect1d(actions.numbers_N, states.numbers_N, return_indices=True)
    counts = np.minimum(actions.lengths_N[own], states.lengths_N[other] - 1)
    enough = counts >= FEWEST_PAIRED
    numbers, own, other, counts = numbers[enough], own[enough], other[enough], counts[enough]
    if not len(numbers):
        return None, own, other
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    place = np.arange(counts.sum()) - np.repeat(starts, counts)
    common = Segments(values=place, starts_N=starts, numbers_N=numbers)
    return common, place + np.repeat(actions.starts_N[own], counts), place + np.repeat(states.starts_N[other], counts)


def _sums(common: Segments, x_RP: Array, y_RP: Array, lag: int) -> Array:
    """Return the sums (N, P, 6) of each recording with the changes of the state taken `lag` rows later."""
    if lag == 0:
        segments, x, y = common, x_RP, y_RP
    else:
        segments, _, _ = common.pairs()
        early, late = segments.values, segments.values + 1
        x, y = (x_RP[early], y_RP[late]) if lag > 0 else (x_RP[late], y_RP[early])
    counts_NP = np.broadcast_to(segments.lengths_N[:, None], (len(segments), x.shape[1])).astype(np.float64)
    terms = (x, y, x * x, y * y, x * y)
    return np.stack([counts_NP, *(segments.with_values(term).sum() for term in terms)], axis=-1)


def _pairs(actions: Sequence[Number], states: Sequence[Number]) -> list[tuple[Number, Number]]:
    """Return which numbers may belong together: of one name, at one place of equally many, otherwise all of one unit."""
    usable = [number for number in actions if number.form in ("delta", "absolute") and number.unit != "1"]
    named = {state.name: state for state in states if state.name}
    by_name = [(action, named[action.name]) for action in usable if action.name in named]
    if by_name:
        return by_name
    if len(actions) == len(states):
        return [(action, states[action.position]) for action in usable if action.unit == states[action.position].unit]
    every = [(action, state) for action in usable for state in states if action.unit == state.unit]
    return every if len(every) <= MOST_PAIRS else []


def best_pairs(moments: Moments) -> Iterator[tuple[int, Number, Number]]:
    """Yield (place among the pairs, action, state) for the state that each number of an action moves most clearly."""
    var_x_LP, var_y_LP, cov_LP = covariances(moments.sums.sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        tied_P = np.nan_to_num(np.abs(cov_LP) / np.sqrt(var_x_LP * var_y_LP)).max(axis=0)
    for action in dict.fromkeys(action for action, _ in moments.pairs):
        own = [place for place, (of_action, _) in enumerate(moments.pairs) if of_action == action]
        best = max(own, key=lambda place: tied_P[place])
        yield best, *moments.pairs[best]
