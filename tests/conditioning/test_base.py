"""Heads: found by name, and the module that each builds takes what the backbone gives."""

from __future__ import annotations

import pytest

from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.conditioning.base import head, head_names, task_of


@pytest.mark.parametrize("name", head_names())
def test_a_head_gives_a_context_of_the_width_that_the_network_takes(name):
    text = backbone("tiny-diffusion").text
    built = head(name).build(text)
    control = built.collate([{"caption": "the arm picks the red part"}, {"caption": ""}])

    assert built(control)["encoder_hidden_states"].shape[::2] == (2, text.width)
    assert {key: value.shape for key, value in built.null(2).items()} == {
        key: value.shape for key, value in control.items()
    }


def test_the_task_follows_from_schema_and_head():
    assert task_of("instruction-video", "none") == "general"
    assert task_of("instruction-video", "text") == "instruction"
    assert task_of("pose", "text") is None
    assert task_of("instruction-video", "camera") is None
