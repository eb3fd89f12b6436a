"""The places of the diffusion network where a conditioning head enters, besides its text context.

Legend: B batch, T latent frames, H height and W width in tokens, L tokens, N blocks, S tokens attended to, D width of the
network, C width of what its blocks attend to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

TIME, MODULATION, ATTENTION = "time_BTD", "modulation_BTD", "attention_NBLD"
"""Added to the embedding of each latent frame's time before its norm; to the shared adaLN vector (three widths); and to
what each block attends with, after its norm and modulation."""
PATCH, CONTEXT = "patch_BTHWD", "context_BSC"
"""Added to the embedding of each patch, as further channels of the latents would be (H and W may be 1); and tokens that
every block attends to beside its text, by the same projections."""
PLACES = (TIME, MODULATION, ATTENTION, PATCH, CONTEXT)
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
    transformer.patch_embed.register_forward_hook(_adding_to_patches(entrance))
    for number, block in enumerate(transformer.transformer_blocks):
        block.attn1.register_forward_pre_hook(_adding(entrance, number))
        block.attn2.register_forward_hook(_attending(entrance), with_kwargs=True)
    return entrance


def _adding_to_patches(entrance: Entrance) -> Any:
    def add(embedding: nn.Module, inputs: tuple[Tensor, ...], patch_BTHWD: Tensor) -> Tensor | None:
        if PATCH not in entrance.added:
            return None
        return patch_BTHWD + entrance.added[PATCH].type_as(patch_BTHWD)

    return add


def _adding(entrance: Entrance, number: int) -> Any:
    def add(attention: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if ATTENTION not in entrance.added:
            return None
        hidden_BLD, *others = inputs
        return (hidden_BLD + entrance.added[ATTENTION][number].type_as(hidden_BLD), *others)

    return add


def _attending(entrance: Entrance) -> Any:
    # Attended to apart from the text: in one softmax with it, even tokens of zeros would take weight from the text.
    def attend(attention: Any, inputs: tuple[Tensor, ...], named: dict[str, Any], text_BLD: Tensor) -> Tensor | None:
        if CONTEXT not in entrance.added:
            return None
        context_BSC = entrance.added[CONTEXT].type_as(named["encoder_hidden_states"])
        added: Tensor = attention.forward(*inputs, encoder_hidden_states=context_BSC)
        return text_BLD + added

    return attend
