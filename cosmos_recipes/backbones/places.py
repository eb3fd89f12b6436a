"""The places of the diffusion network where a conditioning head enters, and how it tells the views of a clip apart.

The views of a clip lie one after the other along T, and so do their tokens. Positions begin anew with each view. A context
with an axis of views (B, V, L, D) is seen by each view alone: view v attends to its own text.
Legend: B batch, V views, C channels of latents or of what blocks attend to, T latent frames, H height, W width, L tokens,
N blocks, S tokens attended to, D width of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from cosmos_recipes.backbones.peers import ALONE, Peers

TIME, MODULATION, ATTENTION = "time_BTD", "modulation_BTD", "attention_NBLD"
"""Added to the embedding of each latent frame's time before its norm; to the shared adaLN vector (three widths); and to
what each block attends with, after its norm and modulation."""
ACROSS_VIEWS = "across_views"
"""A module for each block, which takes what the block attends with, the rotary tables of one view and the processes that
split its tokens, and returns what its attention across views adds. Where it enters, the block's own attention is within
each view."""
PATCH, CONTEXT = "patch_BTHWD", "context_BSC"
"""Added to the embedding of each patch, as further channels of the latents would be (H and W may be 1); and tokens that
every block attends to beside its text, by the same projections."""
PLACES = (TIME, MODULATION, ATTENTION, ACROSS_VIEWS, PATCH, CONTEXT)
PER_FRAME = (TIME, MODULATION)
"""Places that need a time for each frame."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How processes split the pictures of a clip, and so its tokens: in bands along the height or the width.

    Every band has all frames of all views, so that what enters by frame or by view enters each in the same way.
    """

    peers: Peers = ALONE
    axis: int = -2

    def own(self, whole_BCTHW: Tensor) -> Tensor:
        """Return this process's band of latents."""
        return self.peers.own(whole_BCTHW, self.axis)

    def own_control(self, control: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a control of which what is said of each token (`NAME_BTHW...`) is that of the own ones."""
        axis = 2 if self.axis == -2 else 3
        return {name: self.peers.own(value, axis) if "_BTHW" in name else value for name, value in control.items()}

    def whole(self, own_BCTHW: Tensor) -> Tensor:
        """Return the latents of all bands."""
        return self.peers.whole(own_BCTHW, self.axis)

    def as_whole(self, own_BCTHW: Tensor) -> Tensor:
        """Return a tensor of the shape of the whole latents, whatever is in it; it takes no memory."""
        shape = list(own_BCTHW.shape)
        shape[self.axis] *= self.peers.size
        return own_BCTHW if self.peers.size == 1 else own_BCTHW.new_empty(()).expand(shape)

    def own_tokens(self, whole_LD: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return the own ones of tokens (..., L, D) on a grid of so many rows and columns."""
        if self.peers.size == 1:
            return whole_LD
        apart_THWD: Tensor = whole_LD.unflatten(-2, (-1, *grid))
        own_THWD: Tensor = self.peers.own(apart_THWD, self.axis - 1)
        return own_THWD.flatten(-4, -2)


class Entrance:
    """What enters the network at its next calls; it stays until the next `enter`, as blocks may be computed again.

    `cut` says how processes split tokens, and `tensor` which of them split matrices.
    """

    def __init__(self) -> None:
        self.views = 1
        self.added: Mapping[str, Any] = {}
        self.cut, self.tensor = Cut(), ALONE

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
            _restart_with_each_view(positions, entrance, transformer.config.patch_size)
    for number, block in enumerate(transformer.transformer_blocks):
        block.attn1.register_forward_pre_hook(_adding(entrance, number))
        block.attn1.set_processor(SelfAttention(entrance, number))
        block.attn2.set_processor(CrossAttention(block.attn2.processor, entrance))
        block.attn2.register_forward_hook(_attending(entrance), with_kwargs=True)
    return entrance


class SelfAttention:
    """A processor of diffusers' attention: over all views, or within each and then across them, where that enters."""

    def __init__(self, entrance: Entrance, number: int) -> None:
        self.entrance, self.number = entrance, number

    def __call__(self, attn: Any, hidden_states: Tensor, image_rotary_emb: Any, **_: Any) -> Tensor:
        """Return what is attended to (B, L, D)."""
        hidden_BLD, peers = self.entrance.tensor.copied(hidden_states), self.entrance.cut.peers
        if ACROSS_VIEWS not in self.entrance.added:
            return attended(attn, hidden_BLD, image_rotary_emb, peers)
        views = self.entrance.views
        rotary_of_a_view = tuple(table_LD.chunk(views)[0] for table_LD in image_rotary_emb)
        within_NLD = attended(attn, hidden_BLD.unflatten(1, (views, -1)).flatten(0, 1), rotary_of_a_view, peers)
        across_BLD: Tensor = self.entrance.added[ACROSS_VIEWS][self.number](hidden_BLD, rotary_of_a_view, peers)
        within_BLD: Tensor = within_NLD.unflatten(0, (-1, views)).flatten(1, 2)
        return within_BLD + across_BLD


def attended(attention: Any, hidden_BLD: Tensor, rotary: Any, peers: Peers) -> Tensor:
    """Return what tokens attend to among all of them, of which processes may each have a part."""
    query, key, value = projected(attention, hidden_BLD, rotary, peers)
    seen_BHLD = scaled_dot_product_attention(query, key, value).type_as(query)
    out_BLD: Tensor = attention.to_out[0](seen_BHLD.transpose(1, 2).flatten(2))
    return out_BLD


def projected(attention: Any, hidden_BLD: Tensor, rotary: Any, peers: Peers) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries of the own tokens (..., H, L, D), and keys and values of those of all processes."""
    query, key, value = (
        project(hidden_BLD).unflatten(-1, (attention.heads, -1)).transpose(-3, -2)
        for project in (attention.to_q, attention.to_k, attention.to_v)
    )
    rotated: Any = apply_rotary_emb
    query, key = (
        rotated(norm(each), rotary, use_real_unbind_dim=-2)
        for norm, each in ((attention.norm_q, query), (attention.norm_k, key))
    )
    return query, peers.whole(key, -2), peers.whole(value, -2)


class CrossAttention:
    """A processor of diffusers' attention: where each view has a context of its own, the view attends to it alone."""

    def __init__(self, processor: Any, entrance: Entrance) -> None:
        self.processor, self.entrance = processor, entrance

    def __call__(
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Any = None,
        attention_mask: Any = None,
        image_rotary_emb: Any = None,
    ) -> Tensor:
        """Return what is attended to (B, L, D)."""
        copied = self.entrance.tensor.copied
        hidden_states, encoder_hidden_states = copied(hidden_states), copied(encoder_hidden_states)
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


def _restart_with_each_view(positions: nn.Module, entrance: Entrance, patch: tuple[int, int, int]) -> None:
    """Let a module that gives positions, (L, D) or (B, L, D), give those of one view once for each, of the own tokens."""

    def first_view(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden_BCTHW, *others = inputs
        return (entrance.cut.as_whole(hidden_BCTHW.chunk(entrance.views, 2)[0]), *others)

    def repeated(_: nn.Module, inputs: Any, found: Any) -> Any:
        height, width = inputs[0].shape[-2:]
        grid = height // patch[1], width // patch[2]

        def own(table_LD: Tensor) -> Tensor:
            return torch.cat([entrance.cut.own_tokens(table_LD, grid)] * entrance.views, -2)

        return tuple(map(own, found)) if isinstance(found, tuple) else own(found)

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
