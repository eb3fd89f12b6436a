"""The loss of clips. Legend: B batch, C channels, T latent frames of all views, H height, W width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.diffusion.choice import objective_of
from cosmos_recipes.training.diffusion.estimator import Estimator
from cosmos_recipes.training.diffusion.network import Network, network_of
from cosmos_recipes.training.diffusion.objective import Objective
from cosmos_recipes.training.frames import first_BT
from cosmos_recipes.training.losses import Losses, replaced

if TYPE_CHECKING:
    from cosmos_recipes.conditioning.networks import Control
    from cosmos_recipes.training.world_model import WorldModel


@dataclass(frozen=True, kw_only=True)
class Point:
    """Clips at a noise level, with the frames that are given."""

    clean_BCTHW: Tensor
    noise_BCTHW: Tensor
    given_BT: Tensor
    level_B: Tensor


def losses(
    model: WorldModel,
    latent_BCTHW: Tensor,
    control: Control,
    *,
    seed: int,
    step: int,
    samples: Sequence[int],
    dropout: float,
    fewest_given: int,
    training: bool,
) -> Losses:
    """Draw a point for each clip, with `fewest_given` latent frames to as many as the model is given, and return the losses.

    Everything random depends on (seed, step, sample) alone. `training` draws the noise on given frames too.
    """
    objective, chance = objective_of(model.objective), Chance((seed, step, sample) for sample in samples)
    clean_BCTHW = latent_BCTHW * objective.data_scale if objective.data_scale != 1 else latent_BCTHW
    level_B = objective.levels(chance.normal()).to(latent_BCTHW)
    dropped_B = chance.happens(dropout).to(latent_BCTHW.device)
    noise_BCTHW = chance.normal(*latent_BCTHW.shape[1:]).to(latent_BCTHW)
    odds = model.objective.settings.given_frame_odds
    given_B = chance.count(fewest_given, model.given_latent_frames, odds).to(latent_BCTHW.device)
    given_BT = first_BT(given_B, latent_BCTHW.shape[2] // model.view_count, model.view_count)
    point = Point(clean_BCTHW=clean_BCTHW, noise_BCTHW=noise_BCTHW, given_BT=given_BT, level_B=level_B)
    control = replaced(dropped_B, model.null(len(samples)), control)
    raw_B = error(objective, network_of(model), point, control, chance, training=training)
    weight = objective.weight(level_B) * objective.data_scale**2 * model.objective.settings.loss_scale
    return Losses(raw_B=raw_B, weighted_B=raw_B if isinstance(weight, float) and weight == 1 else raw_B * weight)


def error(
    objective: Objective, network: Network, point: Point, control: Control, chance: Chance, *, training: bool
) -> Tensor:
    """Return the mean squared error of the estimate of each clip (B,), over the frames that are not given."""
    estimator = Estimator(
        objective=objective,
        network=network,
        control=control,
        known_BCTHW=point.clean_BCTHW,
        given_BT=point.given_BT,
        chance=chance,
        training=training,
    )
    noisy_BCTHW = objective.noisy(point.clean_BCTHW, point.noise_BCTHW, point.level_B)
    estimate, _ = estimator(noisy_BCTHW, point.level_B)
    wrong_BCTHW = estimate - objective.target(point.clean_BCTHW, point.noise_BCTHW)
    wrong_BT = (wrong_BCTHW / objective.data_scale).square().mean((1, 3, 4))
    return wrong_BT.masked_fill(point.given_BT, 0).sum(1) / (~point.given_BT).sum(1)
