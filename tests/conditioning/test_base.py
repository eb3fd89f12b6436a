"""Heads: found by name, no-ops at first, and the module that each builds takes what backbone and data give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cosmos_recipes.backbones.adapters import adapt
from cosmos_recipes.backbones.diffusion import build_transformer
from cosmos_recipes.backbones.places import CONTEXT, PER_FRAME, PLACES
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.conditioning.base import Surroundings, head, head_names, task_of

TINY = backbone("tiny-diffusion")
STEPS, NUMBERS, FRAMES = 8, 3, 3
GRID = (4, 4)
POINTS = 16
WAYS = [(name, entry) for name in head_names() for entry in head(name).entries.get("diffusion", (None,))]


def around(enters: str | None = None, patch: int = 1, **others: Any) -> Surroundings:
    return Surroundings.of(
        {**TINY.architecture.model_dump(), "patch_size": (1, patch, patch)},
        text=TINY.text,
        spatial=1,
        temporal=4,
        size_px=GRID,
        frames=STEPS + 1,
        numbers={"action": NUMBERS, "trajectory": POINTS},
        rate_hz=5.0,
        rates_hz={"trajectory": 10.0},
        views=("front", "left"),
        enters=enters,
        **others,
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


@pytest.mark.parametrize(("name", "entry"), WAYS)
def test_a_head_gives_a_context_of_the_width_that_the_network_takes(name: str, entry: str | None) -> None:
    built = head(name).build(around(entry))
    control = built.collate(rows())
    context = built(control)["encoder_hidden_states"]
    assert (len(context), context.shape[-1]) == (2, TINY.text.width)
    assert {key: value.shape for key, value in built.null(2).items()} == {
        key: value.shape for key, value in control.items()
    }


@pytest.mark.parametrize("attention", ["full", "per-view"])
@pytest.mark.parametrize("name", ["views", "views+trajectory"])
def test_attention_across_views_is_reckoned_with(name: str, attention: Any) -> None:
    """Otherwise a plan promises memory that the run does not have."""
    here = around(attention=attention)
    assert head(name).parameters(here) == sum(parameter.numel() for parameter in head(name).build(here).parameters())


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize(("name", "entry"), WAYS)
def test_a_head_has_the_parameters_that_its_memory_is_reckoned_with(name: str, entry: str | None, patch: int) -> None:
    here = around(entry, patch)
    assert head(name).parameters(here) == sum(parameter.numel() for parameter in head(name).build(here).parameters())


@pytest.fixture(params=[1, 2], ids=lambda patch: f"patch{patch}")
def network(request: pytest.FixtureRequest) -> Any:
    """Return a network in which nothing is zero any more, as in a trained one."""
    small = {"num_layers": 2, "patch_size": (1, request.param, request.param)}
    transformer = build_transformer({**TINY.architecture.model_dump(), **small}, seed=0)
    for parameter in transformer.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return transformer.eval()


def predicted(network: Any, inputs: dict[str, torch.Tensor], *, each_frame: bool, views: int) -> torch.Tensor:
    """Return what the network predicts of the same noise when these enter it."""
    frames = views * FRAMES
    hidden = torch.randn(
        2, TINY.architecture.in_channels - 1, frames, *GRID, generator=torch.Generator().manual_seed(0)
    )
    added = {place: inputs.pop(place) for place in PLACES if place in inputs}
    time_B = torch.tensor([300.0, 800.0])
    timestep = time_B.view(2, 1, 1, 1, 1).expand(2, 1, frames, 1, 1) if each_frame else time_B
    network.entrance.enter(added, views=views)
    mask = torch.zeros_like(hidden[:, :1])
    found: torch.Tensor = network(
        hidden_states=hidden, timestep=timestep, condition_mask=mask, return_dict=False, **inputs
    )[0]
    return found


def dead(new: dict[str, torch.nn.Parameter], predict: Callable[[], torch.Tensor]) -> list[str]:
    """Return the names of the parameters that no gradient has reached after a few steps."""
    for _ in range(4):
        optimizer = torch.optim.SGD(new.values(), lr=0.1)
        optimizer.zero_grad()
        predict().square().mean().backward()
        optimizer.step()
    return [name for name, parameter in new.items() if parameter.grad is None or not parameter.grad.any()]


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize(("name", "entry"), WAYS)
def test_a_new_head_changes_nothing_and_every_part_of_it_learns(
    name: str, entry: str | None, method: str, network: Any
) -> None:
    """At step 0 the output is that without a control, to the last bit; then the control is in it, and goes if dropped."""
    here, none = around(entry, network.config.patch_size[1]), head("none").build(around())
    built = head(name).build(replace(here, blocks=2))
    control = built.collate(rows())
    each_frame = any(place in built(control) for place in PER_FRAME)
    options: Any = {"each_frame": each_frame, "views": 2 if head(name).of_views else 1}
    base = predicted(network, none(none.null(2)), **options)
    trunk = list(network.parameters())
    if method == "lora":
        adapt(network, rank=2, alpha=2, seed=0)
    assert torch.equal(predicted(network, built(control), **options), base)
    # Where every clip's text is zeros, attending to it has nothing to learn.
    blind = not built(control)["encoder_hidden_states"].any() and CONTEXT not in built(control)
    adapters = {name: parameter for name, parameter in network.named_parameters() if "lora_" in name}
    new = {f"head.{name}": parameter for name, parameter in built.named_parameters()}
    new |= {name: parameter for name, parameter in adapters.items() if not (blind and "attn2" in name)}
    if not new:
        return
    assert not dead(new, lambda: predicted(network, built(control), **options))
    assert not torch.equal(predicted(network, built(control), **options), base)
    if method == "lora":
        assert all(parameter.grad is None for parameter in trunk)
    elif not head(name).of_views:
        # Which view a frame is of stays known when the control is dropped.
        assert torch.equal(predicted(network, built(built.null(2)), **options), base)


@pytest.mark.parametrize(("name", "entry"), [way for way in WAYS if way[0] != "none"])
def test_a_head_that_is_detached_is_found(name: str, entry: str | None, network: Any) -> None:
    """NVIDIA's first action model detached what its head adds, and the head hardly learned."""
    built = head(name).build(replace(around(entry, network.config.patch_size[1]), blocks=2))
    control = built.collate(rows())
    each_frame = any(place in built(control) for place in PER_FRAME)
    options: Any = {"each_frame": each_frame, "views": 2 if head(name).of_views else 1}

    def predict() -> torch.Tensor:
        entering = {key: value.detach() for key, value in built(control).items()}
        return predicted(network, entering, **options)

    new = dict(built.named_parameters())
    assert dead(new, predict) == list(new)


@pytest.mark.parametrize("entry", head("action").entries["diffusion"])
def test_actions_enter_the_frames_that_they_lead_to_alone(entry: str) -> None:
    built = head("action").build(around(entry))
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter)
    control = built.collate(rows())
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
