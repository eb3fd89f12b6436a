"""The networks of the action head, one for each way in.

Legend: B batch, S steps between frames, A numbers of an action, T latent frames, G numbers of all actions that lead to a
latent frame, D width of the network, C width of what its blocks attend to.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cosmos_recipes.backbones.autoregressive.places import OWN_CONTEXT
from cosmos_recipes.backbones.places import CONTEXT

Control = dict[str, Tensor]
EXPANSION = 4


class Actions(nn.Module):
    """What the ways in share: actions grouped by the latent frame that they lead to, and the context of no caption.

    No action leads to the first latent frame. What a clip without a control adds is zero, and so is, at step 0, what any
    clip adds: the last layers start at zero and have no biases.
    """

    def __init__(self, *, numbers: int, temporal: int, frames: int, text_width: int) -> None:
        super().__init__()
        self.numbers, self.temporal, self.text_width = numbers, temporal, text_width
        self.steps = frames - 1
        self.grouped = numbers * temporal

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
        """Return the context of a clip without a caption, and what `enter` adds."""
        action_BSA, known_B = control["action_BSA"], control["known_B"]
        grouped_BTG = action_BSA.unflatten(1, (-1, self.temporal)).flatten(2)
        context_BLD = action_BSA.new_zeros(len(action_BSA), 1, self.text_width)
        return {"encoder_hidden_states": context_BLD, **self.enter(grouped_BTG, known_B[:, None, None])}

    @abstractmethod
    def enter(self, grouped_BTG: Tensor, known_B11: Tensor) -> dict[str, Tensor]:
        """Return what enters the network, by its place, of the actions that lead to each latent frame but the first."""


class ActionEmbedding(Actions):
    """Embeds the actions that lead to each latent frame: one vector for its time, one for its modulation."""

    def __init__(self, *, width: int, **actions: int) -> None:
        super().__init__(**actions)
        self.hidden = nn.Linear(self.grouped, EXPANSION * width)
        self.time = _zero(nn.Linear(EXPANSION * width, width, bias=False))
        self.modulation = _zero(nn.Linear(EXPANSION * width, 3 * width, bias=False))

    def enter(self, grouped_BTG: Tensor, known_B11: Tensor) -> dict[str, Tensor]:
        """Return `time_BTD` and `modulation_BTD` (three widths)."""
        hidden_BTD = nn.functional.gelu(self.hidden(grouped_BTG), approximate="tanh") * known_B11
        return {
            "time_BTD": _after_first(self.time(hidden_BTD)),
            "modulation_BTD": _after_first(self.modulation(hidden_BTD)),
        }


class ActionTokens(Actions):
    """Makes a token of the actions that lead to each latent frame, which knows its place in time.

    A `bound` token is seen from its own latent frame alone, others from everywhere.
    """

    def __init__(self, *, context_width: int, bound: bool, **actions: int) -> None:
        super().__init__(**actions)
        self.bound = bound
        hidden = EXPANSION * context_width
        self.hidden = nn.Linear(self.grouped, hidden)
        self.position_TD = nn.Parameter(torch.randn(self.steps // self.temporal, hidden))
        self.token = _zero(nn.Linear(hidden, context_width, bias=False))

    def enter(self, grouped_BTG: Tensor, known_B11: Tensor) -> dict[str, Tensor]:
        """Return `context_BSC`, a token for each latent frame but the first, or `own_BTC`, with zeros for that."""
        hidden_BTD = self.hidden(grouped_BTG) + self.position_TD
        hidden_BTD = nn.functional.gelu(hidden_BTD, approximate="tanh") * known_B11
        token_BSC = self.token(hidden_BTD)
        return {OWN_CONTEXT: _after_first(token_BSC)} if self.bound else {CONTEXT: token_BSC}


class ActionChannels(Actions):
    """Gives each patch the actions that lead to its latent frame, as if they were further channels of the latents."""

    def __init__(self, *, width: int, **actions: int) -> None:
        super().__init__(**actions)
        self.patch = _zero(nn.Linear(self.grouped, width, bias=False))

    def enter(self, grouped_BTG: Tensor, known_B11: Tensor) -> dict[str, Tensor]:
        """Return `patch_BTHWD`, the same for all patches of a latent frame."""
        return {"patch_BTHWD": _after_first(self.patch(grouped_BTG * known_B11))[:, :, None, None]}


def _zero(last: nn.Linear) -> nn.Linear:
    nn.init.zeros_(last.weight)
    return last


def _after_first(values_BTD: Tensor) -> Tensor:
    """Put zeros for the first latent frame before those of the others."""
    return nn.functional.pad(values_BTD, (0, 0, 1, 0))
