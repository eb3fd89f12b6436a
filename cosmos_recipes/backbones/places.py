"""The places of the diffusion network where a conditioning head enters, and how it tells the views of a clip apart.

The views of a clip lie one after the other along T, and so do their tokens. Positions begin anew with each view. A context
with an axis of views (B, V, L, D) is seen by each view alone: view v attends to its own text.
Legend: B batch, V views, C channels of latents or of what blocks attend to, T latent frames, H height, W width, L tokens,
N blocks, S tokens attended to, D width of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

TIME, MODULATION, ATTENTION = "time_BTD", "modulation_BTD", "attention_NBLD"
"""Added to the embedding of each latent frame's time before its norm; to the shared adaLN vector (three widths); and to
what each block attends with, after its norm and modulation."""
ACROSS_VIEWS = "across_views"
"""A module for each block, which takes what the block attends with and the rotary tables of one view, and returns what its
attention across views adds. Where it enters, the block's own attention is within each view."""
PATCH, CONTEXT = "patch_BTHWD", "context_BSC"
"""Added to the embedding of each patch, as further channels of the latents would be (H and W may be 1); and tokens that
every block attends to beside its text, by the same projections."""
PLACES = (TIME, MODULATION, ATTENTION, ACROSS_VIEWS, PATCH, CONTEXT)
PER_FRAME = (TIME, MODULATION)
"""Places that need a time for each frame."""


class Entrance:
    """What enters the network at its next calls; it stays until the next `enter`, as blocks may be computed again."""

    def __init__(self) -> None:
        self.views = 1
        self.added: Mapping[str, Any] = {}

    def enter(self, added: Mapping[str, Any], *, views: int) -> None:
        """Let these enter, by their place, in clips of so many views."""
        self.added, self.views = added, views


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
    for positions in (transformer.rope, transformer.learnable_pos_embed):
        if positions is not None:
            _restart_with_each_view(positions, entrance)
    for number, block in enumerate(transformer.transformer_blocks):
        block.attn1.register_forward_pre_hook(_adding(entrance, number))
        block.attn1.set_processor(SelfAttention(block.attn1.processor, entrance, number))
        block.attn2.set_processor(CrossAttention(block.attn2.processor))
        block.attn2.register_forward_hook(_attending(entrance), with_kwargs=True)
    return entrance


class SelfAttention:
    """A processor of diffusers' attention: over all views, or within each and then across them, where that enters."""

    def __init__(self, processor: Any, entrance: Entrance, number: int) -> None:
        self.processor, self.entrance, self.number = processor, entrance, number

    def __call__(
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Return what is attended to (B, L, D)."""
        if ACROSS_VIEWS not in self.entrance.added or image_rotary_emb is None:
            everywhere: Tensor = self.processor(
                attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb
            )
            return everywhere
        views = self.entrance.views
        rotary_of_a_view = tuple(table_LD.chunk(views)[0] for table_LD in image_rotary_emb)
        apart_NLD = hidden_states.unflatten(1, (views, -1)).flatten(0, 1)
        within_NLD = self.processor(attn, apart_NLD, None, None, rotary_of_a_view)
        across_BLD = self.entrance.added[ACROSS_VIEWS][self.number](hidden_states, rotary_of_a_view)
        attended_BLD: Tensor = within_NLD.unflatten(0, (-1, views)).flatten(1, 2) + across_BLD
        return attended_BLD


class CrossAttention:
    """A processor of diffusers' attention: where each view has a context of its own, the view attends to it alone."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def __call__(
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Any = None,
        attention_mask: Any = None,
        image_rotary_emb: Any = None,
    ) -> Tensor:
        """Return what is attended to (B, L, D)."""
        if not (isinstance(encoder_hidden_states, Tensor) and encoder_hidden_states.ndim == 4):
            shared: Tensor = self.processor(
                attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb
            )
            return shared
        views = encoder_hidden_states.shape[1]
        apart_NLD = hidden_states.unflatten(1, (views, -1)).flatten(0, 1)
        attended_NLD = self.processor(attn, apart_NLD, encoder_hidden_states.flatten(0, 1))
        attended_BLD: Tensor = attended_NLD.unflatten(0, (-1, views)).flatten(1, 2)
        return attended_BLD


def _restart_with_each_view(positions: nn.Module, entrance: Entrance) -> None:
    """Let a module that gives positions, (L, D) or (B, L, D), give those of one view once for each."""

    def first_view(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden_BCTHW, *others = inputs
        return (hidden_BCTHW.chunk(entrance.views, 2)[0], *others)

    def repeated(_: nn.Module, inputs: Any, found: Any) -> Any:
        if isinstance(found, tuple):
            return tuple(torch.cat([table_LD] * entrance.views, -2) for table_LD in found)
        return torch.cat([found] * entrance.views, -2)

    positions.register_forward_pre_hook(first_view)
    positions.register_forward_hook(repeated)


def _adding_to_patches(entrance: Entrance) -> Any:
    def add(embedding: nn.Module, inputs: tuple[Tensor, ...], patch_BTHWD: Tensor) -> Tensor | None:
        if PATCH not in entrance.added:
            return None
        added_BTHWD: Tensor = entrance.added[PATCH]
        return patch_BTHWD + added_BTHWD.type_as(patch_BTHWD)

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
