"""Heads: found by name, no-ops at first, and the module that each builds takes what backbone and data give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cosmos_recipes.backbones.diffusion import build_transformer
from cosmos_recipes.backbones.places import PER_FRAME, PLACES
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.conditioning.base import Surroundings, head, head_names, task_of

TINY = backbone("tiny-diffusion")
WIDTH = TINY.architecture.num_attention_heads * TINY.architecture.attention_head_dim
STEPS, NUMBERS, FRAMES = 8, 3, 3
GRID = (4, 4)
POINTS = 16
AROUND = Surroundings(
    text=TINY.text,
    width=WIDTH,
    blocks=TINY.architecture.num_layers,
    grid=GRID,
    temporal=4,
    frames=STEPS + 1,
    numbers={"action": NUMBERS, "trajectory": POINTS},
    rate_hz=5.0,
    rates_hz={"trajectory": 10.0},
    views=("front", "left"),
)


def rows() -> list[dict[str, Any]]:
    """Return two clips with everything that a head may ask for."""
    actions = np.random.default_rng(0).normal(size=(2, STEPS, NUMBERS)).astype(np.float32)
    pose_T44 = np.repeat(np.eye(4, dtype=np.float32)[None], STEPS + 1, axis=0)
    pose_T44[:, 2, 3] = np.arange(STEPS + 1)
    camera = {"pose": pose_T44, "intrinsics": np.full((STEPS + 1, 4), 0.5, np.float32)}
    camera["trajectory"] = np.arange(3 * POINTS, dtype=np.float32).reshape(POINTS, 3) / 10
    captions = ("the arm picks the red part", "")
    return [{"caption": text, "action": action, **camera} for text, action in zip(captions, actions, strict=True)]


@pytest.mark.parametrize("name", head_names())
def test_a_head_gives_a_context_of_the_width_that_the_network_takes(name: str) -> None:
    built = head(name).build(AROUND)
    control = built.collate(rows())
    context = built(control)["encoder_hidden_states"]
    assert (len(context), context.shape[-1]) == (2, TINY.text.width)
    assert {key: value.shape for key, value in built.null(2).items()} == {
        key: value.shape for key, value in control.items()
    }


@pytest.mark.parametrize("name", ["views", "views+trajectory"])
@pytest.mark.parametrize("attention", ["full", "per-view"])
def test_the_parameters_of_a_head_are_counted_without_building_it(name: str, attention: Any) -> None:
    """Otherwise a plan promises memory that the run does not have."""
    around = replace(AROUND, attention=attention, attention_heads=4)
    own = [p.numel() for part, p in head(name).build(around).named_parameters() if "text." not in part]
    assert sum(own) == head(name).parameters(around)


@pytest.fixture(scope="module")
def network() -> Any:
    """Return a network in which nothing is zero any more, as in a trained one."""
    transformer = build_transformer(TINY.architecture.model_dump(), seed=0)
    for parameter in transformer.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return transformer.eval()


def predicted(network: Any, inputs: dict[str, torch.Tensor], *, each_frame: bool, views: int) -> torch.Tensor:
    """Return what the network predicts of the same noise when these enter it."""
    frames, network.entrance.views = views * FRAMES, views
    hidden = torch.randn(
        2, TINY.architecture.in_channels - 1, frames, *GRID, generator=torch.Generator().manual_seed(0)
    )
    added = {place: inputs.pop(place) for place in PLACES if place in inputs}
    time_B = torch.tensor([300.0, 800.0])
    timestep = time_B.view(2, 1, 1, 1, 1).expand(2, 1, frames, 1, 1) if each_frame else time_B
    network.entrance.enter(added)
    mask = torch.zeros_like(hidden[:, :1])
    found: torch.Tensor = network(
        hidden_states=hidden, timestep=timestep, condition_mask=mask, return_dict=False, **inputs
    )[0]
    return found


@pytest.mark.parametrize("name", head_names())
def test_a_new_head_changes_nothing_and_every_part_of_it_learns(name: str, network: Any) -> None:
    """At step 0 the output is that without a control, to the last bit; after one step the control is in it."""
    built = head(name).build(AROUND)
    control = built.collate(rows())
    each_frame = any(place in built(control) for place in PER_FRAME)
    options: Any = {"each_frame": each_frame, "views": len(AROUND.views) if head(name).of_views else 1}
    base = predicted(network, head("none").build(AROUND)(head("none").build(AROUND).null(2)), **options)
    assert torch.equal(predicted(network, built(control), **options), base)
    parameters = list(built.parameters())
    if not parameters:
        return
    for _ in range(2):
        optimizer = torch.optim.SGD(parameters, lr=1.0)
        optimizer.zero_grad()
        predicted(network, built(control), **options).square().mean().backward()
        optimizer.step()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in parameters)
    assert not torch.equal(predicted(network, built(control), **options), base)


def test_actions_enter_the_frames_that_they_lead_to_alone() -> None:
    built = head("action").build(AROUND)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter)
    control = built.collate(rows())
    before = built(control)
    control["action_BSA"][:, 5] += 1
    after = built(control)
    for place in PER_FRAME:
        assert (before[place] - after[place]).abs().amax((0, 2)).gt(0).tolist() == [False, False, True]
        assert not before[place][:, 0].any()
    assert not built({**control, "known_B": torch.zeros(2)})["time_BTD"].any()


def test_the_task_follows_from_schema_and_head() -> None:
    assert task_of("instruction-video", "none") == "general"
    assert task_of("instruction-video", "text") == "instruction"
    assert task_of("action-frame", "action") == "action"
    assert task_of("pose", "text") is None
    assert task_of("instruction-video", "camera") is None
