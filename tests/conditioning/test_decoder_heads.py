"""If these fail, a head speaks to an autoregressive base of another token than it is heard at; others are in test_base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from cosmos_recipes.backbones.autoregressive import network as decoder_module
from cosmos_recipes.backbones.autoregressive.places import DECODER_PLACES
from cosmos_recipes.backbones.autoregressive.sequence import TokenSequence
from cosmos_recipes.backbones.testing import small_decoder
from cosmos_recipes.conditioning.base import head, head_names
from cosmos_recipes.conditioning.testing import LATENT_FRAMES, DecoderBench, Way, bench

CELLS = 4
Change = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def spread(name: str) -> Any:
    """Return a bench whose head has nothing zero any more, as after training."""
    tried = bench(head(name), Way(family="autoregressive"), rates_hz={"trajectory": 5.0})
    generator = torch.Generator().manual_seed(2)
    for parameter in tried.built.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    return tried


def before_and_after(tried: DecoderBench, change: Change, layout: str) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        told, moved = (
            tried.predict(tried.built, control, layout) for control in (tried.control, change(tried.control))
        )
    return told, moved


def sequence_of(tried: DecoderBench, layout: str) -> TokenSequence:
    sequence: TokenSequence = tried.network.sequence((LATENT_FRAMES, 2, 2), views=tried.views, layout=layout)
    return sequence


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
    tried = spread(name)
    before, after = before_and_after(tried, change, layout)
    heard_S = (before != after).any(-1).any(0).nonzero()[:, 0]
    number = (view * LATENT_FRAMES + frame) * CELLS + cell
    expected = (sequence_of(tried, layout).predicts_S == number).nonzero()
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
    tried = [bench(head(name), Way(family="autoregressive")) for name in head_names() if name != "none"]
    used = {place for each in tried for place in each.built(each.built.null(1))}
    assert {*DECODER_PLACES, "encoder_hidden_states"} == used


@pytest.mark.parametrize("layout", ["time-major", "view-major"])
@pytest.mark.parametrize("view", [0, 1])
def test_the_text_of_a_view_is_for_that_view(view: int, layout: str) -> None:
    """One block attends to text after it attended to other slots: what is heard elsewhere was heard directly."""
    tried = spread("views")
    tried.network = small_decoder(num_layers=1)
    before, after = before_and_after(tried, changed("text_BVL", (EVERY, view, 0)), layout)
    assert torch.equal((before != after).any(-1).any(0), sequence_of(tried, layout).view_S == view)
