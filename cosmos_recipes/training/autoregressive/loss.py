"""The loss of clips as tokens. Legend: B batch, T latent frames of all views, H height, W width, L tokens, S slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from cosmos_recipes.backbones.autoregressive.sequence import NONE, TokenSequence
from cosmos_recipes.backbones.peers import Peers
from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.frames import first_BT
from cosmos_recipes.training.losses import Losses, replaced

if TYPE_CHECKING:
    from cosmos_recipes.conditioning.networks import Control
    from cosmos_recipes.training.world_model import WorldModel


def losses(
    model: WorldModel,
    latent_B1THW: Tensor,
    control: Control,
    *,
    seed: int,
    step: int,
    samples: Sequence[int],
    dropout: float,
    fewest_given: int,
    training: bool,
) -> Losses:
    """Return the cross-entropy of the tokens that are not given; from `fewest_given` latent frames on, the number is drawn.

    Everything random depends on (seed, step, sample) alone. In `training` the network may see tokens that are corrupted.
    """
    chance, token_BL = Chance((seed, step, sample) for sample in samples), latent_B1THW.flatten(1).long()
    peers, device = model.transformer.context, latent_B1THW.device
    sequence = sequence_of(model, latent_B1THW).split(peers)
    dropped_B = chance.happens(dropout).to(device)
    given_B = chance.count(fewest_given, model.given_latent_frames).to(device)
    given_BT = first_BT(given_B, sequence.shape[0], model.view_count)
    control = sequence.own_control(replaced(dropped_B, model.null(len(samples)), control))
    seen_BL = _corrupted(model, token_BL, given_BT, chance) if training else token_BL
    held_BS = sequence.held(seen_BL, model.transformer.config.begin_token)
    logits_BSK = model.transformer(held_BS, model.transformer.around(sequence, model.head(control)))
    return _losses(logits_BSK.float(), token_BL, given_BT, sequence, peers, z_loss=model.objective.settings.z_loss)


def sequence_of(model: WorldModel, latent_B1THW: Tensor) -> TokenSequence:
    """Return the order of a model's clips, of these latents of all their views."""
    frames, height, width = latent_B1THW.shape[2:]
    shape, views = (frames // model.view_count, height, width), model.view_count
    sequence: TokenSequence = model.transformer.sequence(shape, views=views, layout=model.config.layout)
    # Weights that wait in host memory are not where the clips are.
    return sequence.to(latent_B1THW.device)


def _losses(
    logits_BSK: Tensor, token_BL: Tensor, given_BT: Tensor, sequence: TokenSequence, peers: Peers, *, z_loss: float
) -> Losses:
    counted_BS = (sequence.predicts_S != NONE) & ~given_BT[:, sequence.frame_S.clamp_min(0)]
    target_BS = token_BL[:, sequence.predicts_S.clamp_min(0)]
    error_BS = cross_entropy(logits_BSK.transpose(1, 2), target_BS, reduction="none")

    count_B = peers.total(counted_BS.sum(1))

    def mean_B(values_BS: Tensor) -> Tensor:
        return peers.total((values_BS * counted_BS).sum(1)) / count_B

    raw_B = weighted_B = mean_B(error_BS)
    if z_loss:
        weighted_B = raw_B + z_loss * mean_B(logits_BSK.logsumexp(-1).square())
    with torch.no_grad():
        accuracy_B = mean_B((logits_BSK.argmax(-1) == target_BS).float())
    return Losses(raw_B=raw_B, weighted_B=weighted_B, figures_B={"accuracy": accuracy_B})


def _corrupted(model: WorldModel, token_BL: Tensor, given_BT: Tensor, chance: Chance) -> Tensor:
    """Return tokens of which a share, among those that are not given, is replaced by any codes.

    Source: DrivingWorld (arXiv 2412.19505), which keeps 0.7 of them so that errors do not add up in sampling.
    """
    share = model.objective.settings.corruption
    if not share:
        return token_BL
    chosen_BL, code_BL = (chance.uniform(token_BL.shape[1]).to(token_BL.device) for _ in range(2))
    given_BL = given_BT.repeat_interleave(token_BL.shape[1] // given_BT.shape[1], 1)
    code_BL = (code_BL * model.transformer.config.vocabulary).long()
    return torch.where((chosen_BL < share) & ~given_BL, code_BL, token_BL)
