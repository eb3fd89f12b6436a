"""If these break, a model that ignores its control passes the gate."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cosmos_recipes.conditioning.shuffle import select, shuffle
from cosmos_recipes.evaluation.adherence import Adherence, Ratio

errors = st.lists(st.floats(0, 1e4, width=32), min_size=1, max_size=24).map(torch.tensor)
pairs = st.lists(st.tuples(st.floats(0, 1e4, width=32), st.floats(0, 1e4, width=32)), min_size=1, max_size=24)
seeds = st.integers(0, 2**31 - 1)


@settings(max_examples=40, deadline=None)
@given(true=errors, seed=seeds)
def test_a_model_that_ignores_its_control_has_a_ratio_of_exactly_one(true: Tensor, seed: int) -> None:
    assert Ratio.of(true, true.clone(), seed=seed) == Ratio(value=1.0, low=1.0, high=1.0)


@settings(max_examples=40, deadline=None)
@given(pairs=pairs, seed=seeds)
def test_the_interval_holds_the_estimate_and_the_seed_decides_it(pairs: list[tuple[float, float]], seed: int) -> None:
    wrong, true = torch.tensor(pairs).T
    ratio = Ratio.of(wrong, true, seed=seed)
    assert 0 < ratio.low <= ratio.value <= ratio.high < float("inf")
    assert ratio == Ratio.of(wrong, true, seed=seed)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = torch.Generator().manual_seed(0)
    covered = 0
    for trial in range(100):
        true = torch.rand(64, generator=generator) + 0.5
        wrong = true * (1.5 + 0.4 * (torch.rand(64, generator=generator) - 0.5))
        ratio = Ratio.of(wrong, true, seed=trial)
        covered += ratio.low <= 1.5 <= ratio.high
    assert 86 <= covered <= 100


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.integers(0, 4), min_size=1, max_size=30), seed=seeds)
def test_a_shuffled_control_is_another_clips_and_differs(values: list[int], seed: int) -> None:
    control = {"text_BL": torch.tensor(values)[:, None].expand(-1, 3)}
    shuffled = shuffle(control, seed=seed)
    given = select(control, shuffled.source_B)["text_BL"][:, 0].tolist()
    assert [ours != other for ours, other in zip(values, given, strict=True)] == shuffled.kept_B.tolist()
    assert shuffled.without_other == (len(values) if len(set(values)) == 1 else 0)
    most = max(values.count(value) for value in values)
    if 2 * most <= len(values):
        assert sorted(shuffled.source_B.tolist()) == list(range(len(values)))


def test_clips_without_another_control_are_left_out() -> None:
    found = Adherence.of(
        {"true": torch.tensor([1.0, 1.0]), "shuffled": torch.tensor([3.0, 100.0]), "none": torch.tensor([2.0, 2.0])},
        torch.tensor([True, False]),
        seed=0,
    )
    assert (found.shuffled.value, found.none.value) == (3.0, 2.0)
