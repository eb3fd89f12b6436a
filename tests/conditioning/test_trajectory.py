"""If these fail, a car's way reaches other frames than those at which it is there, or in other units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cosmos_recipes.backbones.places import MODULATION, TIME
from cosmos_recipes.backbones.zoo import TextEntry
from cosmos_recipes.conditioning.base import Surroundings, head
from cosmos_recipes.conditioning.trajectory_network import SCALE_M

TEMPORAL, LATENT, WIDTH = 4, 4, 12
AROUND = Surroundings(
    text=TextEntry(encoder="bytes", length=4, width=8),
    width=WIDTH,
    context_width=8,
    attention_heads=1,
    blocks=1,
    grid=(2, 2),
    patch=(1, 1),
    temporal=TEMPORAL,
    frames=1 + TEMPORAL * (LATENT - 1),
    numbers={"trajectory": 64},
    rate_hz=5.0,
    rates_hz={"trajectory": 10.0},
    views=("front", "rear"),
)


def built(around: Surroundings = AROUND) -> Any:
    module = head("views+trajectory").build(around)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def straight(points: int, rate_hz: float, velocity_m_s: tuple[float, ...]) -> np.ndarray:
    return (np.arange(1, points + 1)[:, None] / rate_hz * np.array(velocity_m_s)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    points=st.integers(1, 64),
    points_hz=st.floats(1, 30),
    rate_hz=st.floats(1, 30),
    velocity_m_s=st.tuples(*[st.floats(-20, 20)] * 3),
)
def test_a_frame_has_the_place_and_the_speed_of_its_own_moment(
    points: int, points_hz: float, rate_hz: float, velocity_m_s: tuple[float, ...]
) -> None:
    """Any number and rate of points: at a steady speed both are known in closed form; after the last point nothing is."""
    around = replace(AROUND, numbers={"trajectory": points}, rates_hz={"trajectory": points_hz}, rate_hz=rate_hz)
    way_BTG = built(around)._way(torch.from_numpy(straight(points, points_hz, velocity_m_s))[None])
    place_F3, speed_F3 = way_BTG.reshape(-1, 2, 3)[TEMPORAL - 1 :].unbind(1)
    frames_s = np.arange(around.frames) / rate_hz
    is_known = frames_s <= points / points_hz + 1e-6
    scaled = np.array(velocity_m_s) / SCALE_M
    truth_F3 = np.where(is_known[:, None], frames_s[:, None] * scaled, 0)
    np.testing.assert_allclose(place_F3, truth_F3, rtol=1e-4, atol=1e-4)
    has_speed = is_known & (is_known.sum() > 1)
    np.testing.assert_allclose(speed_F3, has_speed[:, None] * np.broadcast_to(scaled, speed_F3.shape), atol=2e-3)


def test_a_point_reaches_the_latent_frames_at_its_own_time_in_every_view() -> None:
    module = built()
    control = module.collate([{"trajectory": straight(64, 10.0, (8, 1, 0))}])
    before = module(control)
    # Frame 6, of the second group of four, is at 1.2 s, and so is point 12.
    control["trajectory_BN3"][:, 11] += 1
    after = module(control)
    for place in (TIME, MODULATION):
        changed = (before[place] - after[place]).abs().amax((0, 2)) > 0
        assert changed.tolist() == [False, False, True, False] * 2
    control["trajectory_BN3"][:, 40:] += 5
    assert torch.equal(module(control)[TIME], after[TIME])


def test_a_clip_without_a_control_is_the_same_wherever_the_car_goes() -> None:
    module = built()
    rows = [{"trajectory": straight(64, 10.0, (speed, 0, 0)), "caption": "straight on"} for speed in (3, 9)]
    control, none = module.collate(rows), module.null(2)
    assert not torch.equal(*module(control)[TIME])
    dropped = module({**control, "known_B": torch.zeros(2)})
    assert torch.equal(dropped[TIME], module(none)[TIME])
    assert module(control)["encoder_hidden_states"].any()
    assert not module(none)["encoder_hidden_states"].any()


@pytest.mark.parametrize("attention", ["full", "per-view"])
def test_at_first_it_is_the_head_of_the_views_alone(attention: Any) -> None:
    around = replace(AROUND, attention=attention, sees={"front": ("rear",)}, attention_heads=2)
    module: Any = head("views+trajectory").build(around)
    nn.init.normal_(module.views.embeddings["time_BTD"])
    control = module.collate([{"trajectory": straight(64, 10.0, (8, 1, 0)), "caption": "a bend"}])
    entering, alone = module(control), module.views({"text_BVL": control["text_BVL"]})
    assert all(torch.equal(entering[place], alone[place]) for place in (TIME, MODULATION, "encoder_hidden_states"))
    assert entering.keys() == alone.keys()
