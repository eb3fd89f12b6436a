"""Rectified flow with a shifted logit-normal time, as Cosmos Predict2.5 trains (report, section on the objective).

Noise and time are functions of (seed, step, sample), so that a run on one device or many sees the same.
Legend: B batch, C channels, T latent frames, H height, W width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class FlowDraw:
    """A point on the straight path from data to noise, and the velocity to predict there.

    `given_B` counts the latent frames that are given, and `dropped_B` says whose control is dropped.
    """

    noisy_BCTHW: Tensor
    velocity_BCTHW: Tensor
    time_B: Tensor
    dropped_B: Tensor
    given_B: Tensor


def generator(*key: int) -> torch.Generator:
    """Return a generator that depends on the whole key and on nothing else."""
    digest = hashlib.blake2b(",".join(map(str, key)).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def shifted(time: Tensor, shift: float) -> Tensor:
    """Move times in 0..1 towards noise: shift * t / (1 + (shift - 1) * t) (SD3 paper, section 5.3.2)."""
    return shift * time / (1 + (shift - 1) * time)


def draw(
    latent_BCTHW: Tensor,
    *,
    shift: float,
    dropout: float,
    given: tuple[int, int],
    seed: int,
    step: int,
    samples: Sequence[int],
) -> FlowDraw:
    """Draw a time, noise, whether the control is dropped and how many latent frames are given, for each sample alone.

    `given` are the fewest and the most.
    """
    generators = [generator(seed, step, sample) for sample in samples]
    normal_B = torch.stack([torch.randn((), generator=g) for g in generators])
    dropped_B = torch.stack([torch.rand((), generator=g) for g in generators]) < dropout
    noise_BCTHW = torch.stack([torch.randn(latent_BCTHW.shape[1:], generator=g) for g in generators])
    given_B = torch.stack([torch.randint(given[0], given[1] + 1, (), generator=g) for g in generators])
    time_B, noise_BCTHW = shifted(normal_B.sigmoid(), shift).to(latent_BCTHW), noise_BCTHW.to(latent_BCTHW)
    time = time_B[:, None, None, None, None]
    return FlowDraw(
        noisy_BCTHW=(1 - time) * latent_BCTHW + time * noise_BCTHW,
        velocity_BCTHW=noise_BCTHW - latent_BCTHW,
        time_B=time_B,
        dropped_B=dropped_B.to(latent_BCTHW.device),
        given_B=given_B.to(latent_BCTHW.device),
    )
