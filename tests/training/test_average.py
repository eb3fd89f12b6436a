"""If these fail, what is published is not the average of the weights, or training goes on from the average."""

from __future__ import annotations

import torch
from torch import nn

from cosmos_recipes.training.average import Average


def test_average_is_the_formula() -> None:
    model = nn.Linear(2, 2)
    average = Average(model, decay=0.5)
    expected = model.weight.detach().clone()
    for step in range(12):
        with torch.no_grad():
            model.weight.add_(1.0)
        average.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    assert torch.allclose(average.weights[0], expected)


def test_model_has_its_own_weights_again_after_the_block() -> None:
    model = nn.Linear(2, 2)
    average = Average(model, decay=0.9)
    nn.init.ones_(model.weight)
    with average.in_place(model):
        assert torch.equal(model.weight, average.weights[0])
    assert torch.equal(model.weight, torch.ones(2, 2))


def test_frozen_weights_are_not_copied() -> None:
    model = nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    assert len(Average(model, decay=0.9).weights) == 1
