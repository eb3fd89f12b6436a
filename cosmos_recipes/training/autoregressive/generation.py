"""Sampling of clips token by token, with the keys and values of earlier slots kept.

Guidance follows the paper (arXiv 2207.12598), on logits: 1 is none.
Legend: B batch, C colours, T frames of all views, H height, W width, L tokens, S slots, K codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cosmos_recipes.backbones.autoregressive.attention import Cache
from cosmos_recipes.backbones.autoregressive.network import Around
from cosmos_recipes.backbones.autoregressive.sequence import TokenSequence
from cosmos_recipes.backbones.objectives import TokenSampling
from cosmos_recipes.training.autoregressive.loss import sequence_of
from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.frames import apart, beginning_with, first_BT, together

if TYPE_CHECKING:
    from cosmos_recipes.conditioning.networks import Control
    from cosmos_recipes.training.world_model import WorldModel


@torch.no_grad()
def generate(
    model: WorldModel,
    given_BCTHW: Tensor,
    control: Control,
    *,
    frames: int,
    sampling: TokenSampling,
    guidance: float,
    seeds: Sequence[int],
) -> Tensor:
    """Return uint8 clips of `frames` frames of each view, which begin with the given ones as they are."""
    views, tokenizer = model.view_count, model.tokenizer
    latent_frames = 1 + (frames - 1) // tokenizer.temporal
    given = model.encode(given_BCTHW) if given_BCTHW.shape[2] else None
    height, width = (pixels // tokenizer.spatial for pixels in given_BCTHW.shape[-2:])
    latent_B1THW = torch.zeros(
        len(seeds), 1, views * latent_frames, height, width, dtype=torch.long, device=given_BCTHW.device
    )
    given_frames = 0 if given is None else given.shape[2] // views
    if given is not None:
        latent_B1THW = beginning_with(given.long(), latent_B1THW, views)
    known_L = first_BT(torch.tensor([given_frames], device=latent_B1THW.device), latent_frames, views)[0]
    known_L = known_L.repeat_interleave(height * width)
    controls = [control] if guidance == 1 else [control, model.null(len(seeds))]
    chance = Chance((seed,) for seed in seeds)
    token_BL = complete(model, latent_B1THW, known_L, controls, sampling=sampling, guidance=guidance, chance=chance)
    latent_B1THW = token_BL.view_as(latent_B1THW)
    decoded = model.decode(latent_B1THW)
    if given is not None and tokenizer.is_local:
        decoded = with_kept_pixels(decoded, latent_B1THW, given_BCTHW, given_frames=given_frames, views=views)
    return beginning_with(given_BCTHW, decoded, views)


def complete(
    model: WorldModel,
    latent_B1THW: Tensor,
    known_L: Tensor,
    controls: Sequence[Control],
    *,
    sampling: TokenSampling,
    guidance: float,
    chance: Chance,
    cached: bool = True,
) -> Tensor:
    """Return tokens (B, L) of which those that are not known are sampled; of two controls the second is that without one.

    Without a cache every token costs a pass over all slots before it, which is what the cache is measured against.
    """
    network, sequence = model.transformer, sequence_of(model, latent_B1THW)
    streams = [_Stream(network, network.around(sequence, model.head(each)), sequence, cached) for each in controls]
    token_BL, known_L = latent_B1THW.flatten(1), torch.cat([known_L, known_L.new_ones(1)])
    for slot in (~known_L[sequence.predicts_S]).nonzero()[:, 0].tolist():
        held_BS = sequence.held(token_BL, network.config.begin_token)
        logits, *free = (stream.logits(held_BS, slot) for stream in streams)
        if free:
            logits = free[0] + guidance * (logits - free[0])
        token_BL[:, sequence.predicts_S[slot]] = chosen(logits, sampling, chance)
    return token_BL


class _Stream:
    """The passes of a network under one control, from one slot to the next."""

    def __init__(self, network: Any, around: Around, sequence: TokenSequence, cached: bool) -> None:
        self.network, self.around, self.first = network, around, 0
        self.caches = [Cache(slots=sequence.slots) for _ in network.transformer_blocks] if cached else None

    def logits(self, held_BS: Tensor, slot: int) -> Tensor:
        """Return float32 logits (B, K) of what comes after a slot."""
        slots = slice(self.first, slot + 1)
        if self.caches is not None:
            self.first = slot + 1
        logits_BSK: Tensor = self.network(held_BS[:, slots], self.around.of(slots), self.caches)
        return logits_BSK[:, -1].float()


def chosen(logits_BK: Tensor, sampling: TokenSampling, chance: Chance) -> Tensor:
    """Return a code for each clip (B,): the likeliest at temperature 0, else drawn from the likely ones.

    `top_k` keeps so many codes, `top_p` the likeliest that together have that probability (arXiv 1904.09751). The same
    noise is added to equal logits, so that clips under two controls part only where the controls make them.
    """
    if sampling.temperature == 0:
        return logits_BK.argmax(-1)
    logits_BK = logits_BK / sampling.temperature
    if sampling.top_k is not None and sampling.top_k < logits_BK.shape[-1]:
        least = logits_BK.topk(sampling.top_k, -1).values[:, -1:]
        logits_BK = logits_BK.masked_fill(logits_BK < least, -torch.inf)
    if sampling.top_p < 1:
        logits_BK = _nucleus(logits_BK, sampling.top_p)
    uniform_BK = chance.uniform(logits_BK.shape[-1]).to(logits_BK).clamp_min(1e-20)
    return (logits_BK - (-uniform_BK.log()).log()).argmax(-1)


def _nucleus(logits_BK: Tensor, top_p: float) -> Tensor:
    sorted_BK, order_BK = logits_BK.sort(-1, descending=True)
    share_BK = sorted_BK.softmax(-1)
    beyond_BK = share_BK.cumsum(-1) - share_BK >= top_p
    return logits_BK.masked_fill(torch.zeros_like(beyond_BK).scatter(-1, order_BK, beyond_BK), -torch.inf)


def with_kept_pixels(
    decoded_BCTHW: Tensor, latent_B1THW: Tensor, given_BCTHW: Tensor, *, given_frames: int, views: int
) -> Tensor:
    """Return a video whose cells, where they keep the code of the last given latent frame, keep its detail too.

    What a code lost of the last given picture is added to all later cells of that place with the same code: what stands
    still stays as it was given. `given_frames` are latent ones. For tokenizers whose codes stand for their own cell alone.
    """
    decoded, latent, given = (apart(each, views) for each in (decoded_BCTHW, latent_B1THW, given_BCTHW))
    last = given.shape[2] - 1
    lost_BCHW = given[:, :, last].int() - decoded[:, :, last].int()
    temporal = (decoded.shape[2] - 1) // max(1, latent.shape[2] - 1)
    same_B1THW = latent == latent[:, :, given_frames - 1 : given_frames]
    same_B1THW = torch.cat([same_B1THW[:, :, :1], same_B1THW[:, :, 1:].repeat_interleave(temporal, 2)], 2)
    for axis in (-2, -1):
        same_B1THW = same_B1THW.repeat_interleave(decoded.shape[axis] // latent.shape[axis], axis)
    kept = (decoded.int() + lost_BCHW[:, :, None] * same_B1THW).clamp(0, 255).to(torch.uint8)
    return together(kept, views)
