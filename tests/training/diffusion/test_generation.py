"""If these fail, clips do not begin with what they were given, or depend on each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from objective_cases import CASES
from tiny import tiny_plan
from torch import Tensor

from cosmos_recipes.backbones.objectives import NoiseSampling
from cosmos_recipes.training.world_model import WorldModel


def video(frames: int) -> Tensor:
    shape = (2, 3, frames, 32, 32)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def model(case: str, views: tuple[str, ...] = ()) -> WorldModel:
    built = WorldModel.build(tiny_plan(head="none", objective=CASES[case]))
    torch.manual_seed(1)
    torch.nn.init.normal_(built.transformer.proj_out.weight, std=0.1)
    built.tokenizer.fit([video(5)])
    built.config = replace(built.config, views=views)
    return built


@pytest.mark.parametrize("case", CASES)
def test_every_view_begins_with_the_frames_given_of_it(case: str) -> None:
    built = model(case, ("left", "right"))
    given = video(2)
    clips = built.generate(given, built.null(2), frames=5, sampling=NoiseSampling(steps=3), guidance=1.0, seeds=[1, 2])
    assert clips.shape == (2, 3, 10, 32, 32)
    assert torch.equal(clips[:, :, [0, 5]], given)
    alone = built.generate(given[1:], built.null(1), frames=5, sampling=NoiseSampling(steps=3), guidance=1.0, seeds=[2])
    assert (alone.int() - clips[1:].int()).abs().max() <= 1


@pytest.mark.parametrize("case", CASES)
def test_a_clip_can_be_made_of_no_frames(case: str) -> None:
    built = model(case)
    clips = built.generate(
        video(5)[:, :, :0], built.null(2), frames=5, sampling=NoiseSampling(steps=2), guidance=1.0, seeds=[1, 2]
    )
    assert clips.shape == (2, 3, 5, 32, 32) and not torch.equal(clips[0], clips[1])
