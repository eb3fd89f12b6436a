"""The places of the diffusion network where a conditioning head enters, besides its text context.

Legend: B batch, T latent frames, L tokens, N blocks, D width of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

TIME, MODULATION, ATTENTION = "time_BTD", "modulation_BTD", "attention_NBLD"
"""Added to the embedding of each latent frame's time before its norm; to the shared adaLN vector (three widths); and to
what each block attends with, after its norm and modulation."""
PLACES = (TIME, MODULATION, ATTENTION)
PER_FRAME = (TIME, MODULATION)
"""Places that need a time for each frame."""


class Entrance:
    """What enters the network at its next calls; it stays until the next `enter`, as blocks may be computed again."""

    def __init__(self) -> None:
        self.added: Mapping[str, Tensor] = {}

    def enter(self, added: Mapping[str, Tensor]) -> None:
        """Let these tensors enter, by their place."""
        self.added = added


class OpenTimeEmbedding(nn.Module):
    """diffusers' embedding of the time, with room for what a head adds; its weights keep their names."""

    def __init__(self, embedding: Any, entrance: Entrance) -> None:
        super().__init__()
        self.time_proj, self.t_embedder, self.norm = embedding.time_proj, embedding.t_embedder, embedding.norm
        self.entrance = entrance

    def forward(self, hidden_states: Tensor, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """Return the adaLN vector and the normed embedding of each time, with what is added."""
        features, added = self.time_proj(timestep).type_as(hidden_states), self.entrance.added
        modulation = self.t_embedder(features)
        if MODULATION in added:
            modulation = modulation + added[MODULATION].flatten(0, 1).type_as(modulation)
        if TIME in added:
            features = features + added[TIME].flatten(0, 1).type_as(features)
        return modulation, self.norm(features)


def open_places(transformer: Any) -> Entrance:
    """Make room in a network for what heads add; what is saved of it stays as it was."""
    entrance = Entrance()
    transformer.time_embed = OpenTimeEmbedding(transformer.time_embed, entrance)
    for number, block in enumerate(transformer.transformer_blocks):
        block.attn1.register_forward_pre_hook(_adding(entrance, number))
    return entrance


def _adding(entrance: Entrance, number: int) -> Any:
    def add(attention: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if ATTENTION not in entrance.added:
            return None
        hidden_BLD, *others = inputs
        return (hidden_BLD + entrance.added[ATTENTION][number].type_as(hidden_BLD), *others)

    return add
