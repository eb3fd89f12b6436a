"""If these fail, the learning rate is not the recipe's, or a resumed run takes other steps than an undisturbed one."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cosmos_recipes.recipe.spec import Optimizer
from cosmos_recipes.training.optimizer import MuonAdamW, build_optimizer, learning_rate_factor


class Model(nn.Module):
    """A block with a matrix and a norm, as in a transformer, and a matrix outside of it."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer_blocks = nn.ModuleList([nn.Sequential(nn.Linear(6, 8, bias=False), nn.LayerNorm(8))])
        self.out = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.transformer_blocks[0](x))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        optimizer.zero_grad()
        x = torch.randn(5, 6, generator=torch.Generator().manual_seed(step))
        model(x).square().mean().backward()
        optimizer.step()


def make(name: str) -> tuple[Model, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = Model()
    return model, build_optimizer(model, Optimizer(name=name, lr=0.01, weight_decay=0.1))


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_resumed_optimizer_takes_the_same_steps(name: str) -> None:
    undisturbed, optimizer = make(name)
    train(undisturbed, optimizer, range(6))
    first, first_optimizer = make(name)
    train(first, first_optimizer, range(3))
    second, second_optimizer = make(name)
    second.load_state_dict(first.state_dict())
    second_optimizer.load_state_dict(copy.deepcopy(first_optimizer.state_dict()))
    train(second, second_optimizer, range(3, 6))
    for ours, theirs in zip(second.parameters(), undisturbed.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_learning_rate_of_both_parts_can_be_scheduled() -> None:
    """A schedule that reached only one part would train the other at the peak from the first step."""
    model, optimizer = make("muon")
    before = [parameter.clone() for parameter in model.parameters()]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    train(model, optimizer, range(1))
    assert all(torch.equal(ours, then) for ours, then in zip(model.parameters(), before, strict=True))


def test_muon_takes_the_matrices_of_the_blocks_and_only_matrices_decay() -> None:
    model, optimizer = make("muon")
    assert isinstance(optimizer, MuonAdamW)
    muon, *rest = [{id(parameter) for parameter in group["params"]} for group in optimizer.param_groups]
    assert muon == {id(model.transformer_blocks[0][0].weight)}
    assert sum(len(group) for group in (muon, *rest)) == len(list(model.parameters()))
    for group in optimizer.param_groups:
        assert all((parameter.ndim >= 2) == (group["weight_decay"] > 0) for parameter in group["params"])


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_the_head_has_its_own_rate_and_every_parameter_trains_once(name: str) -> None:
    model = Model()
    model.head = nn.Linear(6, 6)
    optimizer = build_optimizer(model, Optimizer(name=name, lr=0.01, head_lr=0.04, weight_decay=0.1))
    rates = {id(parameter): group["lr"] for group in optimizer.param_groups for parameter in group["params"]}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(rates) == len(list(model.parameters()))
    for label, parameter in model.named_parameters():
        assert rates[id(parameter)] == (0.04 if label.startswith("head.") else 0.01)
    before = model.head.weight.detach().clone()
    model.head(torch.ones(1, 6)).sum().backward()
    optimizer.step()
    assert (model.head.weight.detach() - before).abs().max().item() == pytest.approx(0.04, rel=0.15)


def test_adapters_alone_train_with_muon() -> None:
    """Under a head without parameters there is nothing that Muon leaves to AdamW."""
    model, before = Model(), Model()
    model.load_state_dict(before.state_dict())
    model.requires_grad_(False)
    model.transformer_blocks[0][0].weight.requires_grad_(True)
    optimizer = build_optimizer(model, Optimizer(name="muon", lr=0.01))
    train(model, optimizer, range(2))
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(model, optimizer, range(2, 3))
    changed = [not torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True)]
    assert changed == [True, False, False, False, False]


@given(steps=st.integers(1, 300), warmup=st.integers(0, 300), decay=st.sampled_from(["constant", "cosine"]))
def test_learning_rate_rises_then_never_rises_again(steps: int, warmup: int, decay: str) -> None:
    factors = [learning_rate_factor(step, warmup=warmup, steps=steps, decay=decay) for step in range(steps)]
    rise, rest = factors[:warmup], factors[warmup:]
    assert rise == sorted(rise) and rest == sorted(rest, reverse=True)
    assert all(0 < factor <= 1 for factor in factors)
    assert not rest or rest[0] == 1
