"""Rectified flow: the velocity from data to noise at a shifted logit-normal time, as Predict2.5 trains.

Sources: Predict2.5's report, section on the objective; SD3's paper, section 3.1 (times) and 5.3.2 (shift).
Legend: B batch, C channels, T latent frames, H height, W width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cosmos_recipes.backbones.objectives import RectifiedFlowEntry
from cosmos_recipes.training.diffusion.objective import Objective, Sampler, over_clip


class RectifiedFlow(Objective):
    """The noise level is the time in 0..1, the estimate the velocity noise - data; every time weighs the same."""

    def __init__(self, entry: RectifiedFlowEntry) -> None:
        self.shift, self.settings = entry.shift, entry.settings

    def levels(self, normal_B: Tensor) -> Tensor:
        """Return logistic times, moved towards noise."""
        return shifted(normal_B.sigmoid(), self.shift)

    def noisy(self, clean_BCTHW: Tensor, noise_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        """Return (1 - t) * data + t * noise."""
        time = over_clip(level_B)
        return (1 - time) * clean_BCTHW + time * noise_BCTHW

    def target(self, clean_BCTHW: Tensor, noise_BCTHW: Tensor) -> Tensor:
        """Return the velocity."""
        return noise_BCTHW - clean_BCTHW

    def hidden(self, noisy_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        """Return the point itself: it has unit variance, about."""
        return noisy_BCTHW

    def time(self, level_B: Tensor, shown_BT: Tensor) -> Tensor:
        """Return the time; that of given frames is `conditional_time` where there is one."""
        time_B, conditional = level_B * self.settings.timestep_scale, self.settings.conditional_time
        if conditional is None:
            return time_B
        return time_B[:, None].masked_fill(shown_BT, conditional * self.settings.timestep_scale)

    def estimate(self, output_BCTHW: Tensor, noisy_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        """Return the output: it is the velocity."""
        return output_BCTHW

    def weight(self, level_B: Tensor) -> float:
        """Return 1."""
        return 1.0

    def sampler(self, steps: int, device: torch.device) -> Sampler:
        """Return Euler steps at evenly spaced times that are shifted as in training, or UniPC (Predict2.5's)."""
        euler = self.settings.sampler == "euler"
        scheduler = _euler(shift=self.shift) if euler else self._unipc()
        scheduler.set_timesteps(steps, device=device)
        levels = scheduler.timesteps / 1000 if euler else scheduler.sigmas[:-1]
        return Sampler(scheduler=scheduler, levels=levels)

    def _unipc(self) -> Any:
        from diffusers import UniPCMultistepScheduler

        scheduler: Any = UniPCMultistepScheduler
        return scheduler(
            prediction_type="flow_prediction",
            use_flow_sigmas=True,
            use_karras_sigmas=True,
            sigma_min=self.settings.sigma_min,
            sigma_max=self.settings.sigma_max,
        )


def shifted(time: Tensor, shift: float) -> Tensor:
    """Move times in 0..1 towards noise: shift * t / (1 + (shift - 1) * t), which multiplies t / (1 - t) by the shift."""
    return shift * time / (1 + (shift - 1) * time)


def _euler(**settings: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler: Any = FlowMatchEulerDiscreteScheduler
    return scheduler(**settings)
