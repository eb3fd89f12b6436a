"""Sampling of clips that begin with given frames.

Guidance follows the paper (arXiv 2207.12598): 1 is none. The Cosmos pipelines of NVIDIA and diffusers add
`guidance_scale` times the difference to the guided estimate, so that their 7 is 8 here.
Legend: B batch, C channels, T latent frames of all views, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cosmos_recipes.backbones.objectives import NoiseSampling
from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.diffusion.choice import objective_of
from cosmos_recipes.training.diffusion.estimator import Estimator
from cosmos_recipes.training.diffusion.network import network_of
from cosmos_recipes.training.diffusion.objective import Objective, over_frames
from cosmos_recipes.training.frames import beginning_with, first_BT

if TYPE_CHECKING:
    from cosmos_recipes.conditioning.networks import Control
    from cosmos_recipes.training.world_model import WorldModel

Estimate = Callable[[Tensor, Tensor], Tensor]
"""The estimate for (noisy_BCTHW, level_B)."""


@torch.no_grad()
def generate(
    model: WorldModel,
    given_BCTHW: Tensor,
    control: Control,
    *,
    frames: int,
    sampling: NoiseSampling,
    guidance: float,
    seeds: Sequence[int],
) -> Tensor:
    """Return uint8 clips of `frames` frames of each view, which begin with the given ones as they are."""
    given_latent, views = _encoded(model, given_BCTHW), model.view_count
    objective = objective_of(model.objective)
    latent_frames = 1 + (frames - 1) // model.tokenizer.temporal
    chance = Chance((seed,) for seed in seeds)
    shape = (given_latent.shape[1], views * latent_frames, *given_latent.shape[3:])
    noise_BCTHW = chance.normal(*shape).to(given_latent)
    scale = objective.data_scale
    known_BCTHW = beginning_with(given_latent * scale, noise_BCTHW, views)
    given_B = torch.full((len(seeds),), given_latent.shape[2] // views, device=given_latent.device)
    given_BT = first_BT(given_B, latent_frames, views)
    estimates = [
        truthful(
            Estimator(
                objective=objective,
                network=network_of(model),
                control=each,
                known_BCTHW=known_BCTHW,
                given_BT=given_BT,
                chance=chance,
            ),
            noise_BCTHW,
        )
        for each in ([control] if guidance == 1 else [control, model.null(len(seeds))])
    ]
    latent_BCTHW = sample(objective, guided(estimates, guidance), noise_BCTHW, steps=sampling.steps)
    decoded = model.decode(beginning_with(given_latent, latent_BCTHW / scale, views))
    return beginning_with(given_BCTHW, decoded, views)


def sample(objective: Objective, estimate: Estimate, noise_BCTHW: Tensor, *, steps: int) -> Tensor:
    """Return latents, times the objective's `data_scale`, that the sampler makes of noise."""
    sampler = objective.sampler(steps, noise_BCTHW.device)
    latent_BCTHW = noise_BCTHW * sampler.noise_scale
    for level, timestep in sampler:
        level_B = level.expand(len(latent_BCTHW)).to(latent_BCTHW)
        latent_BCTHW = sampler.step(estimate(latent_BCTHW, level_B), timestep, latent_BCTHW)
    return latent_BCTHW


def truthful(estimator: Estimator, noise_BCTHW: Tensor) -> Estimate:
    """Return what an estimator says, with the truth at the given frames that it was shown."""
    truth_BCTHW = estimator.objective.target(estimator.known_BCTHW, noise_BCTHW)

    def estimate(noisy_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        estimate_BCTHW, shown_BT = estimator(noisy_BCTHW, level_B)
        return torch.where(over_frames(shown_BT), truth_BCTHW, estimate_BCTHW)

    return estimate


def guided(estimates: Sequence[Estimate], guidance: float) -> Estimate:
    """Return the estimate under a control, moved away from that without one where there are two."""

    def estimate(noisy_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        controlled, *free = (each(noisy_BCTHW, level_B) for each in estimates)
        return free[0] + guidance * (controlled - free[0]) if free else controlled

    return estimate


def _encoded(model: WorldModel, given_BCTHW: Tensor) -> Tensor:
    """Return the latents of given frames; there are none where no frames are given."""
    if given_BCTHW.shape[2]:
        return model.encode(given_BCTHW)
    batch, _, _, *size_px = given_BCTHW.shape
    size = [pixels // model.tokenizer.spatial for pixels in size_px]
    return torch.zeros(batch, model.transformer.config.out_channels, 0, *size, device=given_BCTHW.device)
