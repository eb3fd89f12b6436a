"""If these fail, an objective is not the one of its paper: it trains, and samples, something else."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import EDMEulerScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from objective_cases import CASES, PREDICT1, PREDICT2, TINY, ideal_network, objective
from pydantic import ValidationError
from torch import Tensor

from cosmos_recipes.backbones.objectives import objective_entry
from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.diffusion.estimator import Estimator
from cosmos_recipes.training.diffusion.generation import sample, truthful
from cosmos_recipes.training.diffusion.loss import Point, error
from cosmos_recipes.training.diffusion.rectified_flow import shifted

SIGMAS = st.floats(0.01, 80.0)
MEANS, STDS = st.floats(-2, 2), st.floats(0.3, 2.0)
NOTHING_GIVEN = torch.zeros(1, 4, dtype=torch.bool)


def noise(seed: int) -> Tensor:
    return torch.randn(1, 8, 4, 32, 32, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=15, deadline=None)
@given(sigma=SIGMAS, mean=MEANS, std=STDS)
def test_the_ideal_network_has_the_error_that_no_network_can_beat(
    case: str, sigma: float, mean: float, std: float
) -> None:
    chosen = objective(case)
    time = sigma / (1 + sigma)
    flows = chosen.target(torch.zeros(()), torch.ones(())) == 1
    point = Point(
        clean_BCTHW=(mean + std * noise(0)) * chosen.data_scale,
        noise_BCTHW=noise(1),
        given_BT=NOTHING_GIVEN,
        level_B=torch.tensor([time if flows else sigma]),
    )
    network = ideal_network(chosen, mean=mean, std=std)
    found = error(chosen, network, point, {}, Chance([(0,)]), training=True).item()
    scaled_sigma = sigma / chosen.data_scale
    of_clean, of_velocity = scaled_sigma**2 / (std**2 + scaled_sigma**2), 1 / ((1 - time) ** 2 * std**2 + time**2)
    assert found == pytest.approx(std**2 * (of_velocity if flows else of_clean), rel=0.05)


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=3, deadline=None)
@given(mean=MEANS, std=STDS)
def test_sampling_with_the_ideal_network_gives_the_data_back(case: str, mean: float, std: float) -> None:
    chosen, begun = objective(case), noise(2)[..., :16, :16]
    begun = (begun - begun.mean()) / begun.std()
    network = ideal_network(chosen, mean=mean, std=std)
    estimator = Estimator(
        objective=chosen,
        network=network,
        control={},
        known_BCTHW=begun,
        given_BT=NOTHING_GIVEN,
        chance=Chance([(0,)]),
    )
    estimate = truthful(estimator, begun)
    latent_BCTHW = sample(chosen, estimate, begun, steps=400) / chosen.data_scale
    # Sampling begins at noise of mean 0, where the latent has a little of the data's mean left.
    begun_at = {"tiny": math.inf, "predict1": 80 / 0.5, "predict2": 80, "predict2.5": 200}[case]
    assert latent_BCTHW.mean().item() == pytest.approx(mean * (1 - std / math.hypot(std, begun_at)), abs=0.01)
    assert latent_BCTHW.std().item() == pytest.approx(std, rel=0.02)


@given(sigma=SIGMAS)
def test_edm_preconditioning_is_that_of_diffusers_and_keeps_unit_variance(sigma: float) -> None:
    chosen, scheduler = objective("predict1"), EDMEulerScheduler()
    level_B, noisy, output = torch.tensor([sigma]), noise(3)[..., :2, :2], noise(4)[..., :2, :2]
    torch.testing.assert_close(chosen.hidden(noisy, level_B), scheduler.precondition_inputs(noisy, level_B))
    expected = scheduler.precondition_outputs(noisy, output, level_B)
    torch.testing.assert_close(chosen.estimate(output, noisy, level_B), expected)
    torch.testing.assert_close(chosen.time(level_B, NOTHING_GIVEN), scheduler.precondition_noise(level_B))
    skip, out, data = chosen.skip(level_B), chosen.out(level_B), 0.5
    torch.testing.assert_close((1 - skip) ** 2 * data**2 + skip**2 * sigma**2, out**2)
    torch.testing.assert_close(chosen.weight(level_B), (sigma**2 + data**2) / (level_B * data) ** 2)


@given(sigma=SIGMAS)
def test_predict2_is_rectified_flow_in_other_words(sigma: float) -> None:
    flow, chosen = objective("tiny"), objective("predict2")
    sigma_B, time_B = torch.tensor([sigma]), torch.tensor([sigma / (1 + sigma)])
    clean, drawn = noise(3)[..., :2, :2], noise(4)[..., :2, :2]
    noisy = chosen.noisy(clean, drawn, sigma_B)
    torch.testing.assert_close(chosen.hidden(noisy, sigma_B), flow.noisy(clean, drawn, time_B), atol=1e-5, rtol=1e-4)
    velocity = flow.target(clean, drawn)
    torch.testing.assert_close(chosen.estimate(velocity, noisy, sigma_B), clean, atol=1e-4, rtol=1e-4)
    wrong = chosen.estimate(velocity + 1, noisy, sigma_B) - clean
    torch.testing.assert_close(chosen.weight(sigma_B) * wrong.square().mean(), torch.ones(1), atol=1e-2, rtol=1e-2)


@given(normal=st.floats(-2, 2))
def test_the_shift_multiplies_sigma_in_every_objective(normal: float) -> None:
    drawn_B = torch.tensor([normal])
    for case in ("predict1", "predict2"):
        torch.testing.assert_close(objective(case).levels(drawn_B), CASES[case]["shift"] * drawn_B.exp())
    time_B = objective("tiny").levels(drawn_B)
    torch.testing.assert_close(time_B / (1 - time_B), TINY["shift"] * drawn_B.exp(), rtol=1e-4, atol=1e-5)


def test_the_shift_moves_times_towards_noise() -> None:
    time = torch.linspace(0, 1, 11)
    torch.testing.assert_close(shifted(time, 1.0), time)
    assert (shifted(time, 5.0)[1:-1] > time[1:-1]).all()
    torch.testing.assert_close(shifted(torch.tensor([0.0, 0.5, 1.0]), 3.0), torch.tensor([0.0, 0.75, 1.0]))


def test_sigmas_of_training_stay_within_their_bounds() -> None:
    levels_B = objective("predict1").levels(torch.tensor([-100.0, 0.0, 100.0]))
    torch.testing.assert_close(levels_B, torch.tensor([0.0002, 4.0, 80.0]))


@pytest.mark.parametrize(
    "wrong",
    [
        TINY | {"settings": {"sigma_data": 0.5}},
        PREDICT1 | {"settings": {"conditional_time": 0.1}},
        PREDICT1 | {"settings": {"sigma_min": 90.0}},
        PREDICT2 | {"settings": {"sigma_data": 0.5}},
        TINY | {"name": "ddpm"},
    ],
)
def test_a_setting_that_an_objective_does_not_honour_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        objective_entry(wrong)
