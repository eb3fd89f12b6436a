"""If these fail, checkpoints fill the disk, or the one that somebody wanted to go back to is gone."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.training.policy import Policy, Saved

LOSSES = st.none() | st.floats(0, 10) | st.just(math.nan)
POLICIES = st.builds(
    Policy, last=st.integers(1, 4), best=st.integers(0, 3), every_h=st.none() | st.floats(0.1, 3, allow_nan=False)
)


@st.composite
def runs(draw: st.DrawFn) -> list[Saved]:
    """Draw the checkpoints of a run: steps and hours rise."""
    gaps = draw(st.lists(st.tuples(st.integers(1, 9), st.floats(0, 2), LOSSES), min_size=1, max_size=20))
    step, hours, saved = 0, 0.0, []
    for steps, more_h, loss in gaps:
        step, hours = step + steps, hours + more_h
        saved.append(Saved(step=step, seconds=3600 * hours, heldout_loss=loss))
    return saved


@given(saved=runs(), policy=POLICIES)
def test_removing_as_training_goes_on_keeps_what_was_kept_of_all(saved: list[Saved], policy: Policy) -> None:
    """A policy that needed what it had removed would keep other checkpoints after a while than it says."""
    there: list[Saved] = []
    for each in saved:
        there = [one for one in [*there, each] if one.step in policy.keep([*there, each])]
    assert {each.step for each in there} == policy.keep(saved)


@given(saved=runs(), policy=POLICIES)
def test_newest_best_and_hourly_are_kept_and_nothing_else(saved: list[Saved], policy: Policy) -> None:
    kept = policy.keep(saved)
    assert {each.step for each in saved[-policy.last :]} <= kept
    hours = saved[-1].seconds // (3600 * policy.every_h) if policy.every_h else 0
    assert len(kept) <= policy.last + policy.best + hours
    measured = [each for each in saved if each.heldout_loss is not None and not math.isnan(each.heldout_loss)]
    if policy.best and measured:
        assert min(measured, key=lambda each: each.heldout_loss or 0).step in kept


def test_one_of_every_two_hours_stays() -> None:
    saved = [Saved(step=step, seconds=3600 * step / 2) for step in range(1, 14)]
    assert Policy(last=1, every_h=2).keep(saved) == {4, 8, 12, 13}


def test_order_of_the_list_does_not_matter() -> None:
    saved = [Saved(step=step, seconds=step, heldout_loss=loss) for step, loss in ((3, 0.3), (1, 0.1), (2, 0.1))]
    assert Policy(last=1, best=1).keep(saved) == {1, 3}
