"""What a family trains by and samples with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from cosmos_recipes.backbones.objectives import (
    NextTokenEntry,
    NoiseSampling,
    ObjectiveEntry,
    Sampling,
    TokenSampling,
)
from cosmos_recipes.backbones.zoo import Family as FamilyName
from cosmos_recipes.compiler.plan import EvaluatePlan
from cosmos_recipes.recipe.spec import Evaluate
from cosmos_recipes.training.losses import Losses

MOST_NATS = 700.0
"""A loss whose exponential is still a number."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """The functions of a family, each of which takes a world model first.

    `losses` is that of `WorldModel.losses`, `generate` that of `WorldModel.generate`. `draws_noise` says whether the loss
    of a clip is another at each draw, where nothing of the clip or its control is dropped. `figures_of` a mean loss are
    others worth logging beside it, and `sampling` is the kind of settings that `generate` takes.
    """

    losses: Callable[..., Losses]
    generate: Callable[..., Tensor]
    sampling: type[Sampling]
    draws_noise: bool
    figures_of: Callable[[float], dict[str, float]]

    @classmethod
    def of(cls, name: FamilyName) -> Family:
        """Return the family of that name."""
        if name == "autoregressive":
            from cosmos_recipes.training.autoregressive import generation, loss

            return cls(
                losses=loss.losses,
                generate=generation.generate,
                sampling=TokenSampling,
                draws_noise=False,
                figures_of=_perplexity,
            )
        from cosmos_recipes.training.diffusion import generation as sampling
        from cosmos_recipes.training.diffusion import loss as denoising

        return cls(
            losses=denoising.losses,
            generate=sampling.generate,
            sampling=NoiseSampling,
            draws_noise=True,
            figures_of=lambda _: {},
        )


def sampling_of(objective: ObjectiveEntry, said: Evaluate | EvaluatePlan) -> NoiseSampling | TokenSampling:
    """Return how clips are drawn for an evaluation: as that says, or else as the backbone's own settings do."""
    if isinstance(objective, NextTokenEntry):
        return objective.settings.sampling_as(said)
    return NoiseSampling(steps=said.sampler_steps)


def _perplexity(loss: float) -> dict[str, float]:
    return {"perplexity": math.exp(min(loss, MOST_NATS))}
