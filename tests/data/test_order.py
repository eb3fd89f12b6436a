"""If these fail, a resumed or a larger run trains on other clips than an undisturbed one, or not on all, or not evenly."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.data.order import Mixture, SampleOrder, shuffled
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.training.batches import Share

WEIGHTS = st.lists(st.integers(1, 60) | st.sampled_from([0.1, 0.25, 2.5, 1e-2, Fraction(1, 3)]), min_size=1, max_size=8)


def epochs_of(count: int, epochs: int, *, seed: int) -> np.ndarray:
    """Return (epochs, count): where each place goes in each epoch."""
    places, numbers = np.tile(np.arange(count), epochs), np.repeat(np.arange(epochs), count)
    return shuffled(places, numbers, count=count, seed=(seed, 0)).reshape(epochs, count)


def mixture(weights: list[float | Fraction], *, size: int = 7) -> Mixture:
    """Return a mixture in which clips of the data set k have the numbers from 1000 k."""
    return Mixture([(np.arange(1000 * part, 1000 * part + size + part), weight) for part, weight in enumerate(weights)])


@given(count=st.integers(1, 3000), seed=st.integers(0, 2**64), epochs=st.integers(1, 4))
def test_every_epoch_is_a_permutation(count: int, seed: int, epochs: int) -> None:
    assert (np.sort(epochs_of(count, epochs, seed=seed)) == np.arange(count)).all()


@given(clips=st.integers(1, 40), batch=st.integers(1, 100), seed=st.integers(0, 99), epochs=st.integers(1, 4))
def test_batches_run_on_across_the_end_of_an_epoch(clips: int, batch: int, seed: int, epochs: int) -> None:
    ids = np.arange(100, 100 + clips)
    order = SampleOrder(ids, global_batch=batch, seed=seed)
    drawn = [order.samples(step) for step in range(-(-clips * epochs // batch))]
    seen, of_epoch = (np.concatenate(parts) for parts in zip(*((d.clips_N, d.epochs_N) for d in drawn), strict=True))
    for epoch in range(epochs):
        own = slice(epoch * clips, (epoch + 1) * clips)
        assert Counter(seen[own].tolist()) == Counter(ids.tolist())
        assert (of_epoch[own] == epoch).all()


@given(count=st.integers(20, 10**9), seed=st.integers(0, 10**6), epoch=st.integers(0, 10**6))
def test_epochs_and_seeds_differ(count: int, seed: int, epoch: int) -> None:
    places = np.arange(20)
    this, next_epoch, next_seed = (
        shuffled(places, np.full(20, e), count=count, seed=(s, 0)).tolist()
        for e, s in ((epoch, seed), (epoch + 1, seed), (epoch, seed + 1))
    )
    assert this != next_epoch and this != next_seed and next_epoch != next_seed


@pytest.mark.parametrize("count", [2, 3, 7, 9, 50, 101])
def test_every_clip_comes_equally_often_at_every_position(count: int) -> None:
    """A chi-square test over seeds and epochs; their number is fixed, so it holds always or never."""
    moved = np.concatenate([epochs_of(count, 100, seed=seed) for seed in range(40)])
    expected = len(moved) / count
    seen = np.stack([np.bincount(moved[:, place], minlength=count) for place in range(count)])
    statistic = ((seen - expected) ** 2 / expected).sum() * (count - 1) / count
    assert is_plausible(statistic, freedom=(count - 1) ** 2)


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_every_permutation_of_a_few_clips_is_equally_likely(count: int) -> None:
    moved = epochs_of(count, 80_000, seed=1)
    seen, expected = Counter(map(tuple, moved.tolist())), len(moved) / math.factorial(count)
    statistic = sum((seen[order] - expected) ** 2 / expected for order in permutations(range(count)))
    assert is_plausible(statistic, freedom=math.factorial(count) - 1)


def is_plausible(statistic: float, *, freedom: int) -> bool:
    """Whether a chi-square statistic is less than four standard deviations above what chance gives."""
    return statistic < freedom + 4 * math.sqrt(2 * freedom)


def test_neighbours_in_one_epoch_are_none_in_the_next() -> None:
    """Clips of one recording have numbers in a row: they must not stay together."""
    first, second = epochs_of(10_000, 2, seed=0)
    assert (np.abs(np.diff(first)) == 1).mean() < 0.001
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


@settings(deadline=None)
@given(step=st.integers(0, 10**9), seed=st.integers(0, 99), weights=WEIGHTS)
def test_a_batch_depends_on_seed_and_step_alone(step: int, seed: int, weights: list[float | Fraction]) -> None:
    """So one integer is all that a checkpoint has to keep, with mixtures too."""
    fresh, used = (SampleOrder(mixture(weights), global_batch=4, seed=seed) for _ in range(2))
    used.batch(step + 3)
    assert fresh.batch(step).tolist() == used.batch(step).tolist()


@settings(deadline=None)
@given(weights=WEIGHTS, samples=st.integers(1, 2000), seed=st.integers(0, 9))
def test_a_data_set_is_never_a_whole_sample_off_its_share(
    weights: list[float | Fraction], samples: int, seed: int
) -> None:
    parts_N = mixture(weights).draw(np.arange(samples), seed=seed).parts_N
    exact = [Fraction(str(weight)) for weight in weights]
    for part, weight in enumerate(exact):
        share = weight / sum(exact)
        given_N, whole = np.cumsum(parts_N == part), share.denominator
        off_N = given_N * whole - np.arange(1, samples + 1) * share.numerator
        assert (np.abs(off_N) < whole).all()


@given(counts=st.lists(st.integers(1, 6), min_size=1, max_size=5), times=st.integers(1, 3), step=st.integers(0, 10**6))
def test_every_batch_that_divides_has_the_exact_shares(counts: list[int], times: int, step: int) -> None:
    order = SampleOrder(mixture(list(counts)), global_batch=times * sum(counts), seed=0)
    assert np.bincount(order.samples(step).parts_N).tolist() == [times * count for count in counts]


@settings(deadline=None)
@given(weights=WEIGHTS, epochs=st.integers(1, 3))
def test_each_data_set_has_its_own_epochs(weights: list[float | Fraction], epochs: int) -> None:
    mixed, size = mixture(weights, size=3), 3 + len(weights) - 1
    drawn = mixed.draw(np.arange(min(20_000, epochs * size * len(mixed.parts_L))), seed=4)
    for part, ids in enumerate(mixed.ids):
        own = drawn.parts_N == part
        clips, epochs_N = drawn.clips_N[own], drawn.epochs_N[own]
        assert (epochs_N == np.arange(len(clips)) // len(ids)).all()
        for epoch in range(len(clips) // len(ids)):
            assert sorted(clips[epochs_N == epoch]) == ids.tolist()


@settings(deadline=None)
@given(world=st.integers(1, 8), each=st.integers(1, 4), step=st.integers(0, 1000), weights=WEIGHTS)
def test_processes_have_together_what_one_has(
    world: int, each: int, step: int, weights: list[float | Fraction]
) -> None:
    order = SampleOrder(mixture(weights), global_batch=world * each, seed=2)
    shares = [Share(rank=rank, world=world, global_batch=world * each, micro_batch=2) for rank in range(world)]
    seen = [order.batch(step)[part.start : part.stop] for share in shares for part in share.micro_batches()]
    assert np.concatenate(seen).tolist() == order.batch(step).tolist()


def test_the_order_of_a_run_stays_as_it_is() -> None:
    """Another version of this project or of numpy would go on with other clips than the run began with."""
    million, mixed = np.arange(1_000_000), Mixture([(np.arange(1000), 3), (np.arange(1000, 1010), 0.5)])
    assert SampleOrder(million, global_batch=4, seed=3).batch(10**6).tolist() == [734542, 968529, 524978, 617064]
    assert SampleOrder(mixed, global_batch=8, seed=3).batch(10**6).tolist() == [407, 865, 547, 791, 128, 1005, 667, 54]


@pytest.mark.parametrize("weights", [[1, 0], [1, -1], [1, float("nan")], [float("inf"), 1], [], [0.1234567, 0.7654321]])
def test_weights_that_cannot_be_kept_are_refused(weights: list[float]) -> None:
    with pytest.raises(RecipeError, match="CR593"):
        Mixture([(np.arange(3), weight) for weight in weights])


def test_a_data_set_without_clips_is_refused() -> None:
    with pytest.raises(RecipeError, match="CR593"):
        Mixture([(np.arange(3), 1), (np.arange(0), 1)])
