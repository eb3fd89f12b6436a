"""Heads: found by name, no-ops at first, and the module that each builds takes what backbone and data give."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from cosmos_recipes.backbones.places import CONTEXT, PLACES
from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.conditioning.base import head, head_names, task_of
from cosmos_recipes.conditioning.testing import (
    Way,
    bench,
    require_context,
    require_no_op_then_learning,
    require_planned_parameters,
    unreached,
    ways,
)

WAYS = [(name, way) for name in head_names() for way in ways(head(name))]
DIFFUSION, DECODER = ([each for each in WAYS if each[1].family == family] for family in FAMILIES)


def named(value: object) -> str | None:
    return f"{value.family}-{value.enters}" if isinstance(value, Way) else None


@pytest.mark.parametrize(("name", "way"), WAYS, ids=named)
def test_a_head_gives_a_context_of_the_width_that_the_network_takes(name: str, way: Way) -> None:
    require_context(bench(head(name), way))


@pytest.mark.parametrize("attention", ["full", "per-view"])
@pytest.mark.parametrize("name", ["views", "views+trajectory"])
def test_attention_across_views_is_reckoned_with(name: str, attention: Any) -> None:
    """Otherwise a plan promises memory that the run does not have."""
    require_planned_parameters(bench(head(name), Way(family="diffusion"), attention=attention))


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize(("name", "way"), WAYS, ids=named)
def test_a_head_has_the_parameters_that_its_memory_is_reckoned_with(name: str, way: Way, patch: int) -> None:
    require_planned_parameters(bench(head(name), way, patch=patch))


@pytest.mark.parametrize(("name", "way"), DECODER, ids=named)
def test_a_new_head_changes_no_decoder_and_every_part_of_it_learns(name: str, way: Way) -> None:
    require_no_op_then_learning(bench(head(name), way))


@pytest.mark.parametrize("adapters", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize(("name", "way"), DIFFUSION, ids=named)
def test_a_new_head_changes_no_transformer_and_every_part_of_it_learns(
    name: str, way: Way, patch: int, adapters: bool
) -> None:
    require_no_op_then_learning(bench(head(name), way, patch=patch), adapters=adapters)


@pytest.mark.parametrize(("name", "way"), [each for each in WAYS if each[0] != "none"], ids=named)
def test_a_head_that_is_detached_is_found(name: str, way: Way) -> None:
    """NVIDIA's first action model detached what its head adds, and the head hardly learned."""
    tried = bench(head(name), way)

    def detached(control: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {key: value.detach() for key, value in tried.built(control).items()}

    new = dict(tried.built.named_parameters())
    assert unreached(new, lambda: tried.predict(detached, tried.control)) == list(new)


@pytest.mark.parametrize("way", [way for way in ways(head("action")) if way.family == "diffusion"], ids=named)
def test_actions_enter_the_frames_that_they_lead_to_alone(way: Way) -> None:
    built = bench(head("action"), way).built
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter)
    control = bench(head("action"), way).control
    before = built(control)
    for step, frame in ((0, 1), (3, 1), (4, 2), (7, 2)):
        moved_BSA = control["action_BSA"].clone()
        moved_BSA[:, step] += 1
        after = built({**control, "action_BSA": moved_BSA})
        for place in (place for place in PLACES if place in after):
            latent = [1, 2] if place == CONTEXT else [0, 1, 2]
            changed_T = (before[place] - after[place]).abs().flatten(2).amax((0, 2)) > 0
            assert changed_T.tolist() == [number == frame for number in latent]


def test_the_task_follows_from_schema_and_head() -> None:
    assert task_of("instruction-video", "none") == "general"
    assert task_of("instruction-video", "text") == "instruction"
    assert task_of("action-frame", "action") == "action"
    assert task_of("pose", "text") is None
    assert task_of("instruction-video", "camera") is None
