"""If these fail, a head disturbs the base, control leaks or is lost, or a saved model is another model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny import tiny_plan
from torch import Tensor

from cosmos_recipes.backbones.objectives import NoiseSampling
from cosmos_recipes.training.world_model import WorldModel

CAPTIONS = [{"caption": caption} for caption in ("red box left", "blue disc right", "", "é" * 40)]


def latents(clips: int = 4) -> Tensor:
    return torch.randn(clips, 8, 2, 4, 4, generator=torch.Generator().manual_seed(0))


def video(clips: int = 4) -> Tensor:
    return torch.randint(0, 256, (clips, 3, 5, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def model(head: str = "text", *, fitted: bool = False) -> WorldModel:
    """Return a model whose network predicts something, as a pretrained one does."""
    built = WorldModel.build(tiny_plan(head=head))
    torch.manual_seed(1)
    torch.nn.init.normal_(built.transformer.proj_out.weight, std=0.1)
    if fitted:
        built.tokenizer.fit([video(16)])
    return built


def test_a_text_head_changes_nothing_at_step_0() -> None:
    with_text, without = model("text"), model("none")
    losses = [m.loss(latents(), m.collate(CAPTIONS), seed=0, step=0, samples=range(4)) for m in (with_text, without)]
    assert torch.equal(*losses)


def test_gradients_reach_every_new_parameter_after_one_step() -> None:
    built = model("text")
    for _ in range(2):
        built.loss(latents(), built.collate(CAPTIONS), seed=0, step=0, samples=range(4), dropout=0).sum().backward()
        torch.nn.init.normal_(built.head.project.weight, std=0.1)
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in built.head.parameters())
    assert not any(parameter.requires_grad for parameter in built.tokenizer.parameters())


def test_noise_belongs_to_the_sample_not_to_the_batch() -> None:
    """Otherwise a run on two devices, or with smaller batches, trains on other noise."""
    built = model("text")
    control = built.collate(CAPTIONS)
    whole = built.loss(latents(), control, seed=5, step=7, samples=range(4))
    parts = [
        built.loss(
            latents()[k : k + 2], {"text_BL": control["text_BL"][k : k + 2]}, seed=5, step=7, samples=range(k, k + 2)
        )
        for k in (0, 2)
    ]
    torch.testing.assert_close(whole, torch.cat(parts))
    assert not torch.equal(whole, built.loss(latents(), control, seed=5, step=8, samples=range(4)))


def test_a_dropped_control_is_no_control() -> None:
    built = model("text")
    torch.nn.init.normal_(built.head.project.weight)
    dropped = built.loss(latents(), built.collate(CAPTIONS), seed=0, step=0, samples=range(4), dropout=1)
    none = built.loss(latents(), built.null(4), seed=0, step=0, samples=range(4), dropout=0)
    assert torch.equal(dropped, none)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_clips_begin_with_the_given_frames_and_depend_on_their_seeds(guidance: float) -> None:
    built = model("text", fitted=True)
    torch.nn.init.normal_(built.head.project.weight)
    control, given = built.collate(CAPTIONS), video()[:, :, :1]
    options = {"frames": 5, "sampling": NoiseSampling(steps=3), "guidance": guidance}
    first = built.generate(given, control, **options, seeds=range(4))
    assert first.shape == (4, 3, 5, 32, 32) and first.dtype == torch.uint8
    assert torch.equal(first[:, :, :1], given)
    assert torch.equal(first, built.generate(given, control, **options, seeds=range(4)))
    assert not torch.equal(first, built.generate(given, control, **options, seeds=range(4, 8)))
    assert not torch.equal(first[:2], built.generate(given[:2], built.collate(CAPTIONS[2:]), **options, seeds=range(2)))


@pytest.mark.parametrize("head", ["none", "text"])
def test_a_saved_model_is_the_same_model(tmp_path: Path, head: str) -> None:
    built = model(head, fitted=True)
    built.save_pretrained(tmp_path)
    loaded = WorldModel.from_pretrained(tmp_path)
    assert loaded.config == built.config
    ours, theirs = built.state_dict(), loaded.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
