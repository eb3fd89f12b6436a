"""The places of the diffusion network where a conditioning head enters, besides its text context.

Legend: B batch, T latent frames, D width of the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

TIME, MODULATION = "time_BTD", "modulation_BTD"
"""Added to the embedding of each latent frame's time before its norm, and to the shared adaLN vector (three widths)."""
PLACES = (TIME, MODULATION)


class OpenTimeEmbedding(nn.Module):
    """diffusers' embedding of the time, with room for what a head adds; its weights keep their names."""

    def __init__(self, embedding: Any) -> None:
        super().__init__()
        self.time_proj, self.t_embedder, self.norm = embedding.time_proj, embedding.t_embedder, embedding.norm
        self.added: Mapping[str, Tensor] = {}

    def forward(self, hidden_states: Tensor, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """Return the adaLN vector and the normed embedding of each time, with what is added."""
        features = self.time_proj(timestep).type_as(hidden_states)
        modulation = self.t_embedder(features)
        if MODULATION in self.added:
            modulation = modulation + self.added[MODULATION].flatten(0, 1).type_as(modulation)
        if TIME in self.added:
            features = features + self.added[TIME].flatten(0, 1).type_as(features)
        return modulation, self.norm(features)


@contextmanager
def entering(transformer: Any, added: Mapping[str, Tensor]) -> Iterator[None]:
    """Let a head's tensors enter the network in this block."""
    transformer.time_embed.added = added
    try:
        yield
    finally:
        transformer.time_embed.added = {}
