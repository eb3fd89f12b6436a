"""If these fail, given tokens are trained on, clips depend on their neighbours, or what is sampled is not what is likely."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import tiny_plan
from torch import Tensor

from cosmos_recipes.backbones.objectives import NoiseSampling, TokenSampling
from cosmos_recipes.recipe.spec import Layout
from cosmos_recipes.training.autoregressive.generation import chosen, complete, with_kept_pixels
from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.world_model import WorldModel

CAPTIONS = [{"caption": caption} for caption in ("red box left", "blue disc right", "", "é" * 40)]
CODES = 32


def latents(clips: int = 4) -> Tensor:
    return torch.randint(CODES, (clips, 1, 2, 4, 4), generator=torch.Generator().manual_seed(0)).int()


def video(clips: int = 4) -> Tensor:
    return torch.randint(0, 256, (clips, 3, 5, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def model(head: str = "text", **said: Any) -> WorldModel:
    """Return a model whose network predicts something, as a pretrained one does."""
    objective = {"name": "next-token", "settings": said}
    built = WorldModel.build(tiny_plan(family="autoregressive", head=head, objective=objective))
    torch.manual_seed(1)
    torch.nn.init.normal_(built.transformer.output.weight, std=0.5)
    built.tokenizer.fit([video(16)])
    return built.eval()


def losses(built: WorldModel, latent: Tensor | None = None, **how: Any) -> Any:
    asked = {"seed": 0, "step": 0, "samples": range(4), "dropout": 0.0, "draw_given": False, **how}
    return built.losses(latents() if latent is None else latent, built.collate(CAPTIONS), **asked)


def test_the_loss_is_the_mean_over_tokens_that_are_not_given() -> None:
    """By hand: the probability of each token of the second latent frame, after the tokens before it."""
    built, token_BL = model("none"), latents().flatten(1).long()
    sequence = built.transformer.sequence((2, 4, 4), views=1, layout=None)
    around = built.transformer.around(sequence, built.head(built.null(4)))
    probability = built.transformer(sequence.held(token_BL, CODES), around).log_softmax(-1)
    expected = -probability[:, 16:32].gather(-1, token_BL[:, 16:, None]).mean((1, 2))
    found = losses(built)
    torch.testing.assert_close(found.raw_B, expected)
    likeliest = probability[:, 16:32].argmax(-1) == token_BL[:, 16:]
    torch.testing.assert_close(found.figures_B["accuracy"], likeliest.float().mean(1))


def test_a_text_head_changes_nothing_at_step_0() -> None:
    assert torch.equal(losses(model("text")).raw_B, losses(model("none")).raw_B)


def test_a_clip_has_its_own_loss_whatever_the_batch() -> None:
    built = model(corruption=0.3)
    whole = losses(built, draw_given=True, dropout=0.5).raw_B
    parts = [
        built.losses(
            latents()[k : k + 2],
            built.collate(CAPTIONS[k : k + 2]),
            seed=0,
            step=0,
            samples=range(k, k + 2),
            dropout=0.5,
        ).raw_B
        for k in (0, 2)
    ]
    torch.testing.assert_close(whole, torch.cat(parts))


def test_corruption_changes_what_is_seen_in_training_alone() -> None:
    clean, corrupted = model(), model(corruption=0.9)
    assert torch.equal(losses(clean).raw_B, losses(corrupted).raw_B)
    assert not torch.equal(losses(clean, draw_given=True).raw_B, losses(corrupted, draw_given=True).raw_B)


def test_the_z_loss_trains_and_is_not_logged() -> None:
    plain, weighted = losses(model()), losses(model(z_loss=0.1))
    assert torch.equal(plain.raw_B, weighted.raw_B) and (weighted.weighted_B > weighted.raw_B).all()


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_clips_begin_with_the_given_frames_and_depend_on_their_seeds(guidance: float) -> None:
    built = model()
    torch.nn.init.normal_(built.head.project.weight)
    control, first = built.collate(CAPTIONS), video()[:, :, :1]
    options: dict[str, Any] = {"frames": 5, "sampling": TokenSampling(), "guidance": guidance}
    clips = built.generate(first, control, **options, seeds=range(4))
    assert clips.shape == (4, 3, 5, 32, 32) and clips.dtype == torch.uint8
    assert torch.equal(clips[:, :, :1], first)
    assert torch.equal(clips, built.generate(first, control, **options, seeds=range(4)))
    assert torch.equal(
        clips[2:], built.generate(first[2:], {k: v[2:] for k, v in control.items()}, **options, seeds=[2, 3])
    )
    assert not torch.equal(clips, built.generate(first, control, **options, seeds=range(4, 8)))
    assert not torch.equal(clips[:2], built.generate(first[:2], built.collate(CAPTIONS[2:]), **options, seeds=range(2)))


def test_a_clip_can_begin_with_nothing_given() -> None:
    nothing = video()[:, :, :0]
    assert (
        model()
        .generate(nothing, model().null(4), frames=5, sampling=TokenSampling(), guidance=1, seeds=range(4))
        .shape[2]
        == 5
    )


@pytest.mark.parametrize(("views", "layout"), [(1, "time-major"), (2, "time-major"), (2, "view-major")])
def test_the_cache_changes_no_token(views: int, layout: Layout) -> None:
    built = model("none")
    built.config = replace(built.config, views=("a", "b")[:views], layout=layout)
    latent = latents().repeat(1, 1, views, 1, 1).long()
    known_L = (torch.arange(2 * views) % 2 == 0).repeat_interleave(16)
    found = [
        complete(
            built,
            latent.clone(),
            known_L,
            [built.null(4)],
            sampling=TokenSampling(),
            guidance=1,
            chance=Chance((n,) for n in range(4)),
            cached=each,
        )
        for each in (True, False)
    ]
    assert torch.equal(*found) and torch.equal(found[0][:, known_L], latent.flatten(1)[:, known_L])


def draws(logits_K: Tensor, count: int = 4000, **said: Any) -> Tensor:
    """Return how often each code is drawn."""
    chance = Chance((0, number) for number in range(count))
    found = chosen(logits_K.expand(count, -1), TokenSampling(**said), chance)
    return torch.bincount(found, minlength=len(logits_K)) / count


@settings(max_examples=20, deadline=None)
@given(logits=st.lists(st.floats(-2, 2), min_size=3, max_size=6, unique=True), temperature=st.floats(0.5, 2))
def test_codes_are_drawn_as_often_as_they_are_likely(logits: list[float], temperature: float) -> None:
    logits_K = torch.tensor(logits)
    expected = (logits_K / temperature).softmax(0)
    assert (draws(logits_K, temperature=temperature) - expected).abs().max() < 0.05


def test_unlikely_codes_are_left_out() -> None:
    logits_K = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    assert (draws(logits_K, top_k=2) > 0).tolist() == [True, True, False, False]
    assert (draws(logits_K, top_p=0.7) > 0).tolist() == [True, True, False, False]
    assert (draws(logits_K, top_p=0.4) > 0).tolist() == [True, False, False, False]
    assert draws(logits_K, temperature=0)[0] == 1


def test_what_stands_still_keeps_its_detail_and_what_moves_does_not() -> None:
    latent = torch.zeros(1, 1, 2, 2, 2)
    latent[0, 0, 1, 0, 0] = 1
    shown, decoded = (
        torch.full((1, 3, 1, 16, 16), 100, dtype=torch.uint8),
        torch.full((1, 3, 5, 16, 16), 90, dtype=torch.uint8),
    )
    kept = with_kept_pixels(decoded, latent, shown, given_frames=1, views=1)
    assert (
        (kept[:, :, 1:, :8, :8] == 90).all()
        and (kept[:, :, 1:, 8:] == 100).all()
        and (kept[:, :, 1:, :, 8:] == 100).all()
    )


@pytest.mark.parametrize("head", ["none", "text"])
def test_a_saved_model_is_the_same_model(tmp_path: Path, head: str) -> None:
    built = model(head)
    built.save_pretrained(tmp_path)
    loaded = WorldModel.from_pretrained(tmp_path)
    assert loaded.config == built.config
    ours, theirs = built.state_dict(), loaded.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    clips = [
        each.generate(video()[:, :, :1], each.null(4), frames=5, sampling=TokenSampling(), guidance=1, seeds=range(4))
        for each in (built, loaded)
    ]
    assert torch.equal(*clips)


def test_settings_of_the_other_family_are_refused() -> None:
    """Denoising steps, which would mean nothing, and nobody would know."""
    with pytest.raises(TypeError, match="TokenSampling, not NoiseSampling"):
        model().generate(
            video(), model().null(4), frames=5, sampling=NoiseSampling(steps=2), guidance=1, seeds=range(4)
        )
