"""What the objectives of the diffusion family have in common.

A noise level is the one number of a clip from which an objective makes all others: its time or its sigma. An objective
works on latents times `data_scale`. Legend: B batch, C channels, T latent frames, H height, W width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cosmos_recipes.training.chance import Chance


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Given frames as the network sees them, and where it does see them, (B, T)."""

    hidden_BCTHW: Tensor
    at_BT: Tensor


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A schedule of one of diffusers' classes; noise starts at `noise_scale` times a standard normal.

    `takes_clean` says that the estimate is the clean latent, which the scheduler wants by another name.
    """

    scheduler: Any
    levels: Tensor
    noise_scale: float = 1.0
    takes_clean: bool = False

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the noise level and the scheduler's own time of each step."""
        return zip(self.levels, self.scheduler.timesteps, strict=True)

    def step(self, estimate_BCTHW: Tensor, timestep: Tensor, noisy_BCTHW: Tensor) -> Tensor:
        """Return the latent at the next noise level."""
        named = {"pred_original_sample": estimate_BCTHW} if self.takes_clean else {}
        stepped: Tensor = self.scheduler.step(estimate_BCTHW, timestep, noisy_BCTHW, **named).prev_sample
        return stepped


class Objective(ABC):
    """A path from data to noise, what is estimated on it and how the network is asked for that."""

    data_scale: float = 1.0

    @abstractmethod
    def levels(self, normal_B: Tensor) -> Tensor:
        """Return the noise levels of training, made of standard normal numbers."""

    @abstractmethod
    def noisy(self, clean_BCTHW: Tensor, noise_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        """Return the point on the path."""

    @abstractmethod
    def target(self, clean_BCTHW: Tensor, noise_BCTHW: Tensor) -> Tensor:
        """Return what is estimated."""

    @abstractmethod
    def hidden(self, noisy_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        """Return what the network sees of frames that are not given."""

    def shown(self, known_BCTHW: Tensor, given_BT: Tensor, level_B: Tensor, chance: Chance, *, training: bool) -> Shown:
        """Return what the network sees of the given frames: by default what they are."""
        return Shown(hidden_BCTHW=known_BCTHW, at_BT=given_BT)

    @abstractmethod
    def time(self, level_B: Tensor, shown_BT: Tensor) -> Tensor:
        """Return the time that the network is told, of each clip (B,) or of each frame (B, T)."""

    @abstractmethod
    def estimate(self, output_BCTHW: Tensor, noisy_BCTHW: Tensor, level_B: Tensor) -> Tensor:
        """Return the estimate that the network's output stands for."""

    @abstractmethod
    def weight(self, level_B: Tensor) -> Tensor | float:
        """Return what the mean squared error of the estimate is multiplied by in training."""

    @abstractmethod
    def sampler(self, steps: int, device: torch.device) -> Sampler:
        """Return the schedule of sampling."""


def over_clip(value_B: Tensor) -> Tensor:
    """Return numbers of clips so that they broadcast over latents."""
    return value_B[:, None, None, None, None]


def over_frames(value_BT: Tensor) -> Tensor:
    """Return numbers of frames so that they broadcast over latents."""
    return value_BT[:, None, :, None, None]
