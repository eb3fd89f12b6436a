"""The two objectives whose noise level is sigma, the standard deviation of noise that is added to the data.

Both estimate the clean latent as skip * noisy + out * network(into * noisy, time).
Sources: EDM's paper (arXiv 2206.00364, table 1), and the public code of Predict1 and Predict2, which add noise to
conditioning frames (Predict1) and tell the network another time there (Predict2).
Legend: B batch, C channels, T latent frames, H height, W width.
"""

from __future__ import annotations

from abc import abstractmethod
from math import log
from typing import Any

import torch
from torch import Tensor

from cosmos_recipes.backbones.objectives import EdmEntry, EdmRectifiedFlowEntry, EdmRectifiedFlowSettings, EdmSettings
from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.diffusion.objective import Objective, Sampler, Shown, over_clip


class _Sigma(Objective):
    settings: EdmSettings | EdmRectifiedFlowSettings
    shift: float

    @abstractmethod
    def into(self, sigma_B: Tensor) -> Tensor:
        """Return the scale of the network's input."""

    @abstractmethod
    def skip(self, sigma_B: Tensor) -> Tensor:
        """Return the share of the noisy latent in the estimate."""

    @abstractmethod
    def out(self, sigma_B: Tensor) -> Tensor:
        """Return the scale of the network's output in the estimate."""

    def levels(self, normal_B: Tensor) -> Tensor:
        """Return log-normal sigmas times the shift, within bounds."""
        chosen = self.settings
        log_sigma_B = chosen.log_sigma_mean + chosen.log_sigma_std * normal_B + log(self.shift)
        return log_sigma_B.exp().clamp(chosen.sigma_min, chosen.sigma_max)

    def noisy(self, clean_BCTHW: Tensor, noise_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        """Return data + sigma * noise."""
        return clean_BCTHW + over_clip(level_B) * noise_BCTHW

    def target(self, clean_BCTHW: Tensor, noise_BCTHW: Tensor) -> Tensor:
        """Return the clean latent."""
        return clean_BCTHW

    def hidden(self, noisy_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        """Return the point at about unit variance."""
        return over_clip(self.into(level_B)) * noisy_BCTHW

    def estimate(self, output_BCTHW: Tensor, noisy_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        """Return the clean latent that the output stands for."""
        skip, out = over_clip(self.skip(level_B)), over_clip(self.out(level_B))
        return skip * noisy_BCTHW + out * output_BCTHW

    def weight(self, level_B: Tensor) -> Tensor:
        """Return 1 / out², which weighs the error of the network's output the same at every sigma."""
        return self.out(level_B).square().reciprocal()

    def sampler(self, steps: int, device: torch.device) -> Sampler:
        """Return Euler steps over the sigmas of Karras et al.; the last one stays at the least, as in NVIDIA's releases."""
        from diffusers import EDMEulerScheduler

        found: Any = EDMEulerScheduler
        scheduler = found(
            sigma_min=self.settings.sampler_sigma_min,
            sigma_max=self.settings.sigma_max,
            sigma_data=self.data_scale,
            final_sigmas_type="sigma_min",
        )
        scheduler.set_timesteps(steps, device=device)
        # The input is scaled here, which the scheduler cannot know.
        scheduler.is_scale_input_called = True
        return Sampler(
            scheduler=scheduler,
            levels=scheduler.sigmas[:-1],
            noise_scale=self.settings.sigma_max,
            takes_clean=True,
        )


class Edm(_Sigma):
    """EDM as Predict1 trains: given frames carry noise of their own, and one time holds for the clip."""

    settings: EdmSettings

    def __init__(self, entry: EdmEntry) -> None:
        self.shift, self.settings, self.data_scale = entry.shift, entry.settings, entry.settings.sigma_data

    def into(self, sigma_B: Tensor) -> Tensor:
        """Return 1 / √(sigma² + sigma_data²)."""
        return (sigma_B.square() + self.data_scale**2).rsqrt()

    def skip(self, sigma_B: Tensor) -> Tensor:
        """Return sigma_data² / (sigma² + sigma_data²)."""
        return (self.data_scale * self.into(sigma_B)).square()

    def out(self, sigma_B: Tensor) -> Tensor:
        """Return sigma * sigma_data / √(sigma² + sigma_data²)."""
        return sigma_B * self.data_scale * self.into(sigma_B)

    def time(self, level_B: Tensor, shown_BT: Tensor) -> Tensor:
        """Return ln(sigma) / 4."""
        return level_B.log() / 4 * self.settings.timestep_scale

    def shown(self, known_BCTHW: Tensor, given_BT: Tensor, level_B: Tensor, chance: Chance, *, training: bool) -> Shown:
        """Return given frames with noise; where that is no less than the clip's own, they are denoised with the rest."""
        sigma_B = self._augment(level_B, chance, training=training)
        noise_BCTHW = chance.normal(*known_BCTHW.shape[1:]).to(known_BCTHW)
        augmented = over_clip(self.into(sigma_B)) * (known_BCTHW + over_clip(sigma_B) * noise_BCTHW)
        return Shown(hidden_BCTHW=augmented, at_BT=given_BT & (sigma_B < level_B)[:, None])

    def _augment(self, level_B: Tensor, chance: Chance, *, training: bool) -> Tensor:
        chosen = self.settings
        if not training:
            return torch.full_like(level_B, chosen.augment_sigma)
        drawn_B = chosen.augment_log_sigma_mean + chosen.augment_log_sigma_std * chance.normal()
        return drawn_B.exp().to(level_B)


class EdmRectifiedFlow(_Sigma):
    """EDM's denoiser over the straight path, as Predict2 trains: sigma = t / (1 - t), and frames have their own times.

    The weight is 1 / t², with which the loss is that of the velocity; Predict2's first release had 1 + 1 / sigma².
    """

    settings: EdmRectifiedFlowSettings

    def __init__(self, entry: EdmRectifiedFlowEntry) -> None:
        self.shift, self.settings = entry.shift, entry.settings

    def into(self, sigma_B: Tensor) -> Tensor:
        """Return 1 - t, which takes data + sigma * noise to the straight path."""
        return (1 + sigma_B).reciprocal()

    def skip(self, sigma_B: Tensor) -> Tensor:
        """Return 1 - t."""
        return (1 + sigma_B).reciprocal()

    def out(self, sigma_B: Tensor) -> Tensor:
        """Return -t: the output is the velocity."""
        return -sigma_B / (1 + sigma_B)

    def time(self, level_B: Tensor, shown_BT: Tensor) -> Tensor:
        """Return t = sigma / (1 + sigma); that of given frames is of `conditional_sigma` where there is one."""
        time_B, given = level_B / (1 + level_B) * self.settings.timestep_scale, self.settings.conditional_sigma
        if given is None:
            return time_B
        return time_B[:, None].masked_fill(shown_BT, given / (1 + given) * self.settings.timestep_scale)
