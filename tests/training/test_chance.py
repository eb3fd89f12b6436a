"""If these fail, a run on two devices, or with smaller batches, trains on other noise."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from cosmos_recipes.training.chance import Chance


def drawn(samples: range) -> list[torch.Tensor]:
    chance = Chance((0, 3, sample) for sample in samples)
    return [chance.normal(2, 3), chance.happens(0.5), chance.count(1, 2), chance.count(0, 2, (0.5, 0.25, 0.25))]


def test_what_is_drawn_for_a_clip_does_not_depend_on_the_others() -> None:
    for few_B, all_B in zip(drawn(range(2)), drawn(range(4)), strict=True):
        assert torch.equal(few_B, all_B[:2])


def test_numbers_of_given_frames_are_drawn_as_often_as_the_backbone_says() -> None:
    found = Counter(Chance((0, sample) for sample in range(4000)).count(0, 2, (0.5, 0.25, 0.25)).tolist())
    assert [found[count] / 4000 for count in range(3)] == pytest.approx([0.5, 0.25, 0.25], abs=0.03)


def test_odds_hold_among_the_numbers_that_a_recipe_allows() -> None:
    chance = Chance((1, sample) for sample in range(2000))
    assert 0.4 < (chance.count(1, 2, (0.5, 0.25, 0.25)) == 1).float().mean() < 0.6
    # Odds that allow none of the numbers say nothing about them.
    assert set(chance.count(3, 4, (0.5, 0.25, 0.25)).tolist()) == {3, 4}
