"""If these fail, a resumed or a larger run trains on other clips than an undisturbed one."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.data.order import SampleOrder


@given(clips=st.integers(1, 40), batch=st.integers(1, 16), seed=st.integers(0, 99), epochs=st.integers(1, 4))
def test_every_epoch_has_each_clip_once(clips: int, batch: int, seed: int, epochs: int) -> None:
    ids = np.arange(100, 100 + clips)
    order = SampleOrder(ids, global_batch=batch, seed=seed)
    seen = np.concatenate([order.batch(step) for step in range(-(-clips * epochs // batch))])
    for epoch in range(epochs):
        assert Counter(seen[epoch * clips : (epoch + 1) * clips].tolist()) == Counter(ids.tolist())


@given(step=st.integers(0, 1000), seed=st.integers(0, 99))
def test_a_batch_depends_on_seed_and_step_alone(step: int, seed: int) -> None:
    ids = np.arange(17)
    fresh, used = (SampleOrder(ids, global_batch=4, seed=seed) for _ in range(2))
    used.batch(step + 3)
    assert fresh.batch(step).tolist() == used.batch(step).tolist()


def test_epochs_and_seeds_differ() -> None:
    order, other = (SampleOrder(np.arange(50), global_batch=50, seed=seed) for seed in (0, 1))
    assert order.batch(0).tolist() != order.batch(1).tolist() != other.batch(1).tolist()
