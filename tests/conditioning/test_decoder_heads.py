"""If these fail, a head disturbs an autoregressive base, does not learn, or speaks of another token than it is heard at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cosmos_recipes.backbones.autoregressive import network as decoder_module
from cosmos_recipes.backbones.autoregressive.places import DECODER_PLACES
from cosmos_recipes.backbones.autoregressive.sequence import TokenSequence
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.conditioning.base import Surroundings, head, head_names
from tests.backbones.autoregressive.decoders import ARCHITECTURE, BEGIN, decoder, tokens

TEXT = backbone("tiny-autoregressive").text.model_copy(update={"width": ARCHITECTURE["text_embed_dim"]})
STEPS, FRAMES, GRID, POINTS = 8, 3, (2, 2), 16
SHAPE, CELLS = (FRAMES, *GRID), 4
CONTROLLED = [name for name in head_names() if name != "none"]
Change = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def around() -> Surroundings:
    return Surroundings.of(
        ARCHITECTURE,
        text=TEXT,
        spatial=1,
        temporal=4,
        size_px=GRID,
        frames=STEPS + 1,
        numbers={"action": 3, "trajectory": POINTS},
        rate_hz=5.0,
        rates_hz={"trajectory": 5.0},
        views=("front", "left"),
    )


def views_of(name: str) -> int:
    return 2 if head(name).of_views else 1


def rows() -> list[dict[str, Any]]:
    """Return two clips with everything that a head may ask for."""
    random = np.random.default_rng(0)
    pose_T44 = np.repeat(np.eye(4, dtype=np.float32)[None], STEPS + 1, axis=0)
    pose_T44[:, :3, 3] = random.normal(size=(STEPS + 1, 3))
    numbers = {"pose": pose_T44, "intrinsics": np.full((STEPS + 1, 4), 0.5, np.float32)}
    numbers["trajectory"] = random.normal(size=(POINTS, 3)).astype(np.float32)
    actions = random.normal(size=(2, STEPS, 3)).astype(np.float32)
    captions = ("the arm picks the red part", "")
    return [{"caption": text, "action": action, **numbers} for text, action in zip(captions, actions, strict=True)]


def logits(network: Any, built: Any, control: dict[str, Tensor], name: str, layout: str = "time-major") -> Tensor:
    sequence = network.sequence(SHAPE, views=views_of(name), layout=layout)
    held_BS = sequence.held(tokens(2, SHAPE, views_of(name)), BEGIN)
    found: Tensor = network(held_BS, network.around(sequence, built(control)))
    return found


def spread(built: Any) -> Any:
    """Return the head with nothing zero any more, as after training."""
    generator = torch.Generator().manual_seed(2)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    return built


def dead(new: dict[str, torch.nn.Parameter], predict: Callable[[], Tensor]) -> list[str]:
    """Return the names of the parameters that no gradient has reached after a few steps."""
    for _ in range(3):
        optimizer = torch.optim.SGD(new.values(), lr=0.1)
        optimizer.zero_grad()
        predict().square().mean().backward()
        optimizer.step()
    return [name for name, parameter in new.items() if parameter.grad is None or not parameter.grad.any()]


@pytest.mark.parametrize("name", head_names())
def test_a_head_changes_nothing_at_first_and_every_part_of_it_learns(name: str) -> None:
    """At step 0 the output is that without a control, to the last bit; then the control is in it, and goes if dropped."""
    network, none, built = decoder(), head("none").build(around()), head(name).build(around())
    control = built.collate(rows())
    base = logits(network, none, none.null(2), name)
    assert torch.equal(logits(network, built, control, name), base)
    new = dict(built.named_parameters())
    if not new:
        return
    assert not dead(new, lambda: logits(network, built, control, name))
    assert not torch.equal(logits(network, built, control, name), base)
    if not head(name).of_views:
        assert torch.equal(logits(network, built, built.null(2), name), base)


@pytest.mark.parametrize("name", CONTROLLED)
def test_a_head_that_is_detached_is_found(name: str) -> None:
    network, built = decoder(), head(name).build(around())
    control = built.collate(rows())

    def predict() -> Tensor:
        return logits(network, lambda each: {key: value.detach() for key, value in built(each).items()}, control, name)

    assert dead(dict(built.named_parameters()), predict) == [*dict(built.named_parameters())]


@pytest.mark.parametrize("name", head_names())
def test_a_head_has_the_parameters_that_its_memory_is_reckoned_with(name: str) -> None:
    built = head(name).build(around())
    assert head(name).parameters(around()) == sum(parameter.numel() for parameter in built.parameters())


def changed(key: str, at: tuple[Any, ...]) -> Change:
    def change(control: dict[str, Tensor]) -> dict[str, Tensor]:
        moved = control[key].clone()
        moved[at] += 1
        return {**control, key: moved}

    return change


EVERY = slice(None)
CASES = {
    # What is changed, and the first token that may hear of it: view, latent frame, cell.
    "action 1": ("action", changed("action_BSA", (EVERY, 0)), (0, 1, 0)),
    "action 4": ("action", changed("action_BSA", (EVERY, 3)), (0, 1, 0)),
    "action 5": ("action", changed("action_BSA", (EVERY, 4)), (0, 2, 0)),
    "camera, frame 1, cell 0": ("camera", changed("ray_BTHWR", (EVERY, 1, 0, 0)), (0, 1, 0)),
    "camera, frame 1, cell 3": ("camera", changed("ray_BTHWR", (EVERY, 1, 1, 1)), (0, 1, 3)),
    "camera, frame 0, cell 0": ("camera", changed("ray_BTHWR", (EVERY, 0, 0, 0)), (0, 0, 0)),
    "caption": ("text", changed("text_BL", (EVERY, 0)), (0, 0, 0)),
    "caption of the second view": ("views", changed("text_BVL", (EVERY, 1, 0)), (1, 0, 0)),
    # The way between two points is straight, and its speed is that of both sides.
    "point 7": ("views+trajectory", changed("trajectory_BN3", (EVERY, 6)), (0, 2, 0)),
}


def first_heard(case: str, layout: str) -> tuple[int, int]:
    """Return the first slot whose logits hear of a change, and the slot from which they should."""
    name, change, (view, frame, cell) = CASES[case]
    network, built = decoder(), spread(head(name).build(around()))
    control = built.collate(rows())
    with torch.no_grad():
        before, after = (logits(network, built, each, name, layout) for each in (control, change(control)))
    sequence: TokenSequence = network.sequence(SHAPE, views=views_of(name), layout=layout)
    heard_S = (before != after).any(-1).any(0).nonzero()[:, 0]
    expected = (sequence.predicts_S == (view * FRAMES + frame) * CELLS + cell).nonzero()
    return int(heard_S[0]), int(expected)


@pytest.mark.parametrize("layout", ["time-major", "view-major"])
@pytest.mark.parametrize("case", CASES)
def test_a_control_is_heard_where_its_token_is_predicted_and_not_before(case: str, layout: str) -> None:
    """One slot too late, a token is predicted without its own control; one too early, it belongs to another token."""
    heard, expected = first_heard(case, layout)
    assert heard == expected


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("case", ["action 1", "camera, frame 1, cell 3"])
def test_a_control_that_is_off_by_one_is_found(case: str, by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the ray of the token that a slot holds is added, and not that of the next; or an action of another frame."""
    at_next = decoder_module.at_next

    def shifted(values_BND: Tensor, number_S: Tensor) -> Tensor:
        return at_next(values_BND, number_S.roll(by))

    monkeypatch.setattr(decoder_module, "at_next", shifted)
    heard, expected = first_heard(case, "time-major")
    assert heard == expected + by


def test_actions_of_another_frame_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    frame_of: Any = TokenSequence.frame_S
    monkeypatch.setattr(TokenSequence, "frame_S", property(lambda own: (frame_of.fget(own) - 1).clamp_min(-1)))
    heard, expected = first_heard("action 1", "time-major")
    assert heard > expected


def test_each_place_is_one_that_a_head_uses() -> None:
    networks = [head(name).build(around()) for name in CONTROLLED]
    used = {place for built in networks for place in built(built.null(1))}
    assert {*DECODER_PLACES, "encoder_hidden_states"} == used


@pytest.mark.parametrize("layout", ["time-major", "view-major"])
@pytest.mark.parametrize("view", [0, 1])
def test_the_text_of_a_view_is_for_that_view(view: int, layout: str) -> None:
    """One block attends to text after it attended to other slots: what is heard elsewhere was heard directly."""
    network, built = decoder(num_layers=1), spread(head("views").build(around()))
    control = built.collate(rows())
    moved = changed("text_BVL", (EVERY, view, 0))(control)
    with torch.no_grad():
        before, after = (logits(network, built, each, "views", layout) for each in (control, moved))
    sequence = network.sequence(SHAPE, views=2, layout=layout)
    assert torch.equal((before != after).any(-1).any(0), sequence.view_S == view)
