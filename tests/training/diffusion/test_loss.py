"""If these fail, given frames are trained on, heads disturb the base, or another loss trains than the plan says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from objective_cases import CASES, objective
from tiny import tiny_plan
from torch import Tensor

from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.diffusion.loss import Point, error
from cosmos_recipes.training.diffusion.network import network_of
from cosmos_recipes.training.frames import first_BT
from cosmos_recipes.training.world_model import WorldModel

CAPTIONS = [{"caption": caption} for caption in ("red box left", "blue disc right", "", "é" * 40)]


def latents(frames: int = 2) -> Tensor:
    return torch.randn(4, 8, frames, 4, 4, generator=torch.Generator().manual_seed(0))


def model(case: str, head: str = "text") -> WorldModel:
    built = WorldModel.build(tiny_plan(head=head, objective=CASES[case]))
    torch.manual_seed(1)
    torch.nn.init.normal_(built.transformer.proj_out.weight, std=0.1)
    return built


@pytest.mark.parametrize("case", CASES)
def test_a_text_head_changes_nothing_at_step_0(case: str) -> None:
    both = [model(case, head) for head in ("text", "none")]
    losses = [m.losses(latents(), m.collate(CAPTIONS), seed=0, step=0, samples=range(4)) for m in both]
    assert torch.equal(losses[0].weighted_B, losses[1].weighted_B)
    assert losses[0].raw_B.isfinite().all() and (losses[0].raw_B > 0).all()


@pytest.mark.parametrize("case", CASES)
def test_an_action_head_which_needs_a_time_for_each_frame_changes_nothing_at_step_0(case: str) -> None:
    plan = tiny_plan(head="action", objective=CASES[case])
    plan = plan.model_copy(update={"data": plan.data.model_copy(update={"numbers": {"action": 3}})})
    built = WorldModel.build(plan)
    torch.manual_seed(1)
    torch.nn.init.normal_(built.transformer.proj_out.weight, std=0.1)
    rows = [{"action": np.full((4, 3), number, np.float32)} for number in range(4)]
    none = model(case, "none")
    told, untold, without = (
        each.loss(latents(), control, seed=0, step=0, samples=range(4), dropout=0.0)
        for each, control in ((built, built.collate(rows)), (built, built.null(4)), (none, none.null(4)))
    )
    assert torch.equal(told, untold)
    torch.testing.assert_close(told, without)


@pytest.mark.parametrize("case", CASES)
def test_given_frames_carry_no_loss_and_their_noise_does_not_matter(case: str) -> None:
    built, chosen = model(case, "none"), objective(case)
    noise_BCTHW = latents().requires_grad_()
    point = Point(
        clean_BCTHW=latents() * chosen.data_scale,
        noise_BCTHW=noise_BCTHW,
        given_BT=torch.tensor([True, False]).expand(4, -1),
        level_B=chosen.levels(torch.zeros(4)),
    )
    error(
        chosen, network_of(built), point, built.null(4), Chance((k,) for k in range(4)), training=False
    ).sum().backward()
    assert noise_BCTHW.grad is not None
    assert not noise_BCTHW.grad[:, :, 0].any() and noise_BCTHW.grad[:, :, 1].any()


@pytest.mark.parametrize("case", CASES)
def test_frames_that_are_not_given_are_trained_on_in_every_view(case: str) -> None:
    chosen = objective(case)
    point = Point(
        clean_BCTHW=latents(6) * chosen.data_scale,
        noise_BCTHW=latents(6).flip(0),
        given_BT=first_BT(torch.tensor([0, 1, 1, 2]), 3, 2),
        level_B=chosen.levels(torch.zeros(4)),
    )

    def knows_all(hidden: Tensor, given_BT: Tensor, time: Tensor, control: object) -> Tensor:
        """Answer rightly, but for 1 too much at the second frame of the second view."""
        target = chosen.target(point.clean_BCTHW, point.noise_BCTHW)
        zero = chosen.estimate(
            torch.zeros_like(target), chosen.noisy(point.clean_BCTHW, point.noise_BCTHW, point.level_B), point.level_B
        )
        scale = chosen.estimate(torch.ones_like(target), torch.zeros_like(target), point.level_B)
        target = target.clone()
        target[:, :, 4] += chosen.data_scale
        return (target - zero) / scale

    found_B = error(chosen, knows_all, point, {}, Chance((k,) for k in range(4)), training=False)
    torch.testing.assert_close(found_B, torch.tensor([1 / 6, 1 / 4, 1 / 4, 0]), atol=1e-4, rtol=1e-3)


def test_what_trains_is_weighted_and_scaled_and_what_is_logged_is_not() -> None:
    arguments = {"seed": 0, "step": 0, "samples": range(4)}
    tiny, predict2_5, predict1 = (
        (built := model(case)).losses(latents(), built.null(4), **arguments)
        for case in ("tiny", "predict2.5", "predict1")
    )
    assert tiny.weighted_B is tiny.raw_B
    torch.testing.assert_close(predict2_5.weighted_B, 10 * predict2_5.raw_B)
    sigma_B = objective("predict1").levels(Chance((0, 0, k) for k in range(4)).normal())
    torch.testing.assert_close(predict1.weighted_B, predict1.raw_B * 0.25 * (sigma_B**2 + 0.25) / (sigma_B / 2) ** 2)


def test_given_frames_of_predict1_are_noisy_and_as_noisy_as_for_sampling_when_measured() -> None:
    chosen, clean, given_BT = objective("predict1"), latents(), torch.ones(4, 2, dtype=torch.bool)
    sigma_B = torch.full((4,), 0.1)
    shown = [
        chosen.shown(clean, given_BT, sigma_B, Chance((k,) for k in range(4)), training=training)
        for training in (True, False)
    ]
    assert shown[1].at_BT.all()
    torch.testing.assert_close(shown[1].hidden_BCTHW, 2 * clean, atol=0.02, rtol=0)
    assert not torch.isclose(shown[0].hidden_BCTHW, 2 * clean, atol=0.02, rtol=0).all()


def test_a_model_may_be_trained_without_given_frames_too() -> None:
    built = model("predict2.5", "none")
    built.config = replace(built.config, fewest_given_frames=0)
    assert (built.fewest_given_latent_frames, built.given_latent_frames) == (0, 1)
    raw_B = built.loss(latents(), built.null(4), seed=0, step=0, samples=range(4))
    always_B = built.loss(latents(), built.null(4), seed=0, step=0, samples=range(4), draw_given=False)
    assert not torch.equal(raw_B, always_B)
