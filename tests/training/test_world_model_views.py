"""If these fail, a model of several views gives, keeps or saves another view than it was asked to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny_plan
from torch import Tensor

from cosmos_recipes.backbones.objectives import NoiseSampling
from cosmos_recipes.training.world_model import WorldModel

VIEWS = ("front", "left", "rear")
POINTS = (np.arange(24).reshape(8, 3) / 10).astype(np.float32)
ROWS = [{"caption": "a bend", "trajectory": POINTS}, {"caption": "", "trajectory": -POINTS}]


def model(head: str = "views+trajectory", **conditioning: Any) -> WorldModel:
    """Return a model whose network and head predict something, as trained ones do."""
    document = tiny_plan(head=head).model_dump(mode="json")
    document["conditioning"] |= conditioning
    document["data"] |= {"numbers": {"trajectory": 8}, "rates_hz": {"trajectory": 10.0}}
    document["data"]["clip"]["views"] = VIEWS
    built = WorldModel.build(type(tiny_plan()).model_validate(document))
    torch.manual_seed(1)
    for parameter in built.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    built.tokenizer.fit([video(4).unflatten(2, (3, 5)).transpose(1, 2).flatten(0, 1)])
    return built


def video(clips: int = 2) -> Tensor:
    return torch.randint(
        0, 256, (clips, 3, 3 * 5, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def test_every_view_begins_with_its_own_given_frames() -> None:
    built = model()
    given = video().unflatten(2, (3, 5))[:, :, :, :1].flatten(2, 3)
    found = built.generate(
        given, built.collate(ROWS), frames=5, sampling=NoiseSampling(steps=2), guidance=2.0, seeds=range(2)
    )
    assert found.shape == (2, 3, 15, 32, 32)
    assert torch.equal(found[:, :, ::5], given)


def test_what_is_predicted_of_given_frames_carries_no_loss_in_any_view() -> None:
    built = model()
    control, latent = built.collate(ROWS), built.encode(video())
    options: Any = {"seed": 0, "step": 0, "samples": range(2), "dropout": 0.0}
    before = built.loss(latent, control, **options)

    def spoil(first: int) -> Tensor:
        def spoiled(_: Any, inputs: Any, found: tuple[Tensor]) -> tuple[Tensor]:
            found[0][:, :, first::2] += 1
            return found

        hook = built.transformer.register_forward_hook(spoiled)
        loss = built.loss(latent, control, **options)
        hook.remove()
        return loss

    assert torch.equal(spoil(0), before)
    assert not torch.equal(spoil(1), before)


@pytest.mark.parametrize(
    "conditioning", [{"attention": "full"}, {"attention": "per-view", "sees": {"front": ("left", "rear")}}]
)
def test_a_saved_model_is_the_same_model(tmp_path: Path, conditioning: dict[str, Any]) -> None:
    built = model(**conditioning).eval()
    built.save_pretrained(tmp_path)
    loaded = WorldModel.from_pretrained(tmp_path)
    assert loaded.config == built.config
    options: Any = {"seed": 0, "step": 0, "samples": range(2), "dropout": 0.0}
    latent = built.encode(video())
    losses = [each.loss(latent, each.collate(ROWS), **options) for each in (built, loaded)]
    assert torch.equal(*losses)


def test_a_dropped_control_is_no_control() -> None:
    built = model(attention="per-view", sees={"front": ("left",)})
    latent, options = built.encode(video()), {"seed": 0, "step": 0, "samples": range(2)}
    dropped = built.loss(latent, built.collate(ROWS), dropout=1, **options)
    assert torch.equal(dropped, built.loss(latent, built.null(2), dropout=0, **options))
    assert not torch.equal(dropped, built.loss(latent, built.collate(ROWS), dropout=0, **options))


def test_a_new_attention_across_views_begins_with_the_weights_of_the_network() -> None:
    """Otherwise it has to learn what the pretrained network knows already."""
    document = tiny_plan(head="views").model_dump(mode="json")
    document["conditioning"] |= {"attention": "per-view", "sees": {"front": ("left",)}}
    document["data"]["clip"]["views"] = VIEWS
    built = WorldModel.build(type(tiny_plan()).model_validate(document))
    for across, block in zip(built.head.across, built.transformer.transformer_blocks, strict=True):
        assert torch.equal(across.attention.to_k.weight, block.attn1.to_k.weight)
