"""The estimate that a network makes of noisy clips. Legend: B batch, C channels, T latent frames, H height, W width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.diffusion.network import Network
from cosmos_recipes.training.diffusion.objective import Objective, over_frames

if TYPE_CHECKING:
    from cosmos_recipes.conditioning.networks import Control


@dataclass(frozen=True, kw_only=True)
class Estimator:
    """Asks a network under a control, with the known latents shown at the given frames."""

    objective: Objective
    network: Network
    control: Control
    known_BCTHW: Tensor
    given_BT: Tensor
    chance: Chance
    training: bool = False

    def __call__(self, noisy_BCTHW: Tensor, level_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return the estimate, and at which frames the known latents were shown, (B, T)."""
        asked = self.objective
        shown = asked.shown(self.known_BCTHW, self.given_BT, level_B, self.chance, training=self.training)
        hidden = asked.hidden(noisy_BCTHW, level_B)
        hidden_BCTHW = torch.where(over_frames(shown.at_BT), shown.hidden_BCTHW, hidden)
        output = self.network(hidden_BCTHW, self.given_BT, asked.time(level_B, shown.at_BT), self.control)
        return asked.estimate(output.float(), noisy_BCTHW, level_B), shown.at_BT
