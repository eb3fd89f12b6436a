"""What the losses of both families have in common. Legend: B batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from cosmos_recipes.conditioning.networks import Control


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Of each clip, over the frames that are not given: the error that is logged and measured, and the loss that trains.

    The error is the mean squared one in units of the latents, or the cross-entropy of tokens in nats. Both are the same
    tensor where an objective weighs nothing. `figures_B` are others worth logging, by name.
    """

    raw_B: Tensor
    weighted_B: Tensor
    figures_B: Mapping[str, Tensor] = field(default_factory=dict)

    def detached(self) -> Losses:
        """Return the numbers, without what made them."""
        figures_B = {name: value_B.detach() for name, value_B in self.figures_B.items()}
        return Losses(raw_B=self.raw_B.detach(), weighted_B=self.weighted_B.detach(), figures_B=figures_B)


def replaced(chosen_B: Tensor, ours: Control, others: Control) -> Control:
    """Return `ours` for the chosen clips and `others` for the rest."""
    return {
        name: torch.where(chosen_B.view(-1, *[1] * (value.ndim - 1)), ours[name], value)
        for name, value in others.items()
    }
