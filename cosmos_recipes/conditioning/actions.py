"""The network of the action head.

Legend: B batch, S steps between frames, A numbers of an action, T latent frames, D width of the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Control = dict[str, Tensor]
EXPANSION = 4


class ActionEmbedding(nn.Module):
    """Embeds the actions that lead to each latent frame: one vector for its time, one for its modulation.

    The first latent frame, to which no action leads, gets zeros, and so does a clip without a control. The last layers
    start at zero, so that at step 0 nothing is added.
    """

    def __init__(self, *, numbers: int, temporal: int, frames: int, width: int, context_width: int) -> None:
        super().__init__()
        self.numbers, self.temporal, self.context_width = numbers, temporal, context_width
        self.steps = frames - 1
        self.hidden = nn.Linear(numbers * temporal, EXPANSION * width)
        self.time = nn.Linear(EXPANSION * width, width, bias=False)
        self.modulation = nn.Linear(EXPANSION * width, 3 * width, bias=False)
        for last in (self.time, self.modulation):
            nn.init.zeros_(last.weight)

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return `action_BSA` of rows, as they are normalised, and that all of them are known."""
        action_BSA = torch.from_numpy(np.stack([row["action"] for row in rows]).astype(np.float32))
        return {"action_BSA": action_BSA, "known_B": torch.ones(len(rows))}

    def null(self, batch: int) -> Control:
        """Return unknown actions for a batch of clips."""
        return {
            "action_BSA": torch.zeros(batch, self.steps, self.numbers),
            "known_B": torch.zeros(batch),
        }

    def forward(self, control: Control) -> dict[str, Tensor]:
        """Return `time_BTD` and `modulation_BTD` (three widths), and the context of a clip without a caption."""
        action_BSA, known_B = control["action_BSA"], control["known_B"]
        grouped_BTG = action_BSA.unflatten(1, (-1, self.temporal)).flatten(2)
        hidden_BTG = nn.functional.gelu(self.hidden(grouped_BTG), approximate="tanh") * known_B[:, None, None]
        context_BLD = action_BSA.new_zeros(len(action_BSA), 1, self.context_width)
        return {
            "encoder_hidden_states": context_BLD,
            "time_BTD": _after_first(self.time(hidden_BTG)),
            "modulation_BTD": _after_first(self.modulation(hidden_BTG)),
        }


def _after_first(values_BTD: Tensor) -> Tensor:
    """Put zeros for the first latent frame before those of the others."""
    return nn.functional.pad(values_BTD, (0, 0, 1, 0))
