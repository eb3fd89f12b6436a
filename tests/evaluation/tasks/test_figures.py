"""If these break, a model that ignores its control is said to do better than by chance, or one that obeys is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.evaluation.tasks.base import Quantity
from cosmos_recipes.evaluation.tasks.figures import FLIPS, Mean, TaskFigure, sign_flip_p

ERROR = Quantity(name="error_px", label="Error", unit="px", meaning="How far off.")
numbers = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=20).map(np.array)


@settings(max_examples=20, deadline=None)
@given(values=numbers, seed=st.integers(0, 9))
def test_a_difference_of_nothing_is_certain_to_be_chance(values: np.ndarray, seed: int) -> None:
    assert sign_flip_p(np.zeros_like(values), seed=seed) == 1
    p = sign_flip_p(values, seed=seed)
    assert p is not None
    assert 0 < p <= 1


def test_chance_alone_is_below_a_level_about_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(0)
    below = [(sign_flip_p(rng.normal(size=20), seed=trial) or 0) < 0.1 for trial in range(100)]
    assert 3 <= sum(below) <= 18


def test_a_clear_difference_is_not_chance_and_which_way_is_better_counts() -> None:
    better_B = {"floor": np.zeros(16), "true": np.full(16, 1.0), "shuffled": np.arange(2.0, 18.0)}
    kept_B = np.ones(16, bool)
    figure = TaskFigure.of(ERROR, better_B, kept_B, seed=0)
    assert figure.p_shuffled is not None and figure.p_shuffled < 0.001
    hits = Quantity(name="hits", label="Hits", unit="", meaning="How many.", less_is_better=False)
    assert (TaskFigure.of(hits, better_B, kept_B, seed=0).p_shuffled or 0) > 0.99
    assert figure.p_shuffled >= 1 / (1 + FLIPS)


def test_clips_without_a_number_or_without_another_control_are_left_out() -> None:
    values = {"true": np.array([1.0, 1.0, np.nan]), "shuffled": np.array([5.0, 100.0, 3.0])}
    figure = TaskFigure.of(ERROR, values, np.array([True, False, True]), seed=0)
    assert (figure.means["true"].value, figure.means["true"].clips) == (1.0, 2)
    assert figure.means["shuffled"].value == pytest.approx(4.0)


@settings(max_examples=20, deadline=None)
@given(values=numbers)
def test_the_interval_holds_the_mean(values: np.ndarray) -> None:
    mean = Mean.of(values, seed=0)
    assert mean.value is not None and mean.low is not None and mean.high is not None
    assert mean.low <= mean.value <= mean.high
    assert Mean.of(np.array([np.nan]), seed=0) == Mean(value=None, low=None, high=None, clips=0)
