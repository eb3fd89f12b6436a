"""The loss on held-out clips while training, always at the same noise: under the true control, another clip's and none.

Legend: B batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.conditioning.shuffle import Control, Shuffle, select, shuffle
from cosmos_recipes.training.parallel import total
from cosmos_recipes.training.parallel.weights import reshard

if TYPE_CHECKING:
    from cosmos_recipes.training.model import PostTraining

NOISE_STEP = -1
"""The step whose noise is used: one that training never reaches."""


class HeldOut:
    """Measures the loss every `evaluate.every` steps, and after the last one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._controls: tuple[Control, Shuffle] | None = None

    def due(self, step: int) -> bool:
        """Return whether to measure after a step."""
        every = self.plan.evaluate.every
        return every > 0 and (step % every == 0 or step == self.plan.train.steps)

    @torch.no_grad()
    def measure(self, module: PostTraining) -> dict[str, float]:
        """Return `heldout_loss`, the mean over the held-out clips, with the weights to be published.

        Of a head with a control also `heldout_loss_shuffled` and `heldout_loss_none`, and `heldout_adherence`: the
        loss with another clip's control over that with the true one. It is 1 for a model that ignores its control.
        """
        clips = module.clips.held_out(self.plan.evaluate.clips)
        share, sums = module.share, torch.zeros(4, device=module.device, dtype=torch.float64)
        # Every process makes as many forward passes, as sharded weights need; who has no clip left repeats the last.
        rounds = -(-len(clips) // (share.world * share.micro_batch))
        with module.averaged():
            for position in range(rounds):
                first = (position * share.world + share.rank) * share.micro_batch
                chosen = list(range(first, min(first + share.micro_batch, len(clips))))
                part = self._sums(module, clips, chosen or [len(clips) - 1])
                sums += part if chosen and share.leads else 0
            reshard(module.world_model)
        return self._line(module, clips, total(sums).tolist())

    def _line(self, module: PostTraining, clips: list[int], sums: list[float]) -> dict[str, float]:
        true, kept_true, shuffled, none = sums
        line = {"heldout_loss": true / len(clips)}
        kept = self._shuffled(module, clips)[1].kept_B
        if self._is_controlled and kept.any():
            line["heldout_loss_shuffled"] = shuffled / int(kept.sum())
            line["heldout_loss_none"] = none / len(clips)
            line["heldout_adherence"] = shuffled / kept_true
        return line

    @property
    def _is_controlled(self) -> bool:
        return head(self.plan.conditioning.head).controlled

    def _shuffled(self, module: PostTraining, clips: list[int]) -> tuple[Control, Shuffle]:
        """Return the controls of all held-out clips, and whose control each gets instead of its own."""
        if self._controls is None:
            control = module.world_model.collate(module.clips.rows(clips))
            self._controls = control, shuffle(control, seed=self.plan.seed)
        return self._controls

    def _sums(self, module: PostTraining, clips: list[int], chosen: list[int]) -> Tensor:
        """Return sums over some clips: the loss, that of clips with another control, and that with it and with none."""
        control, other = self._shuffled(module, clips)
        positions = torch.tensor(chosen)
        true_B = self._loss(module, clips, chosen, select(control, positions))
        if not self._is_controlled:
            return torch.stack([true_B.sum(), *3 * [true_B.new_zeros(())]])
        shuffled_B = self._loss(module, clips, chosen, select(control, other.source_B[positions]))
        none_B = self._loss(module, clips, chosen, module.world_model.null(len(chosen)))
        kept_B = other.kept_B[positions].to(true_B.device)
        return torch.stack([true_B.sum(), true_B[kept_B].sum(), shuffled_B[kept_B].sum(), none_B.sum()])

    def _loss(self, module: PostTraining, clips: list[int], chosen: list[int], control: Control) -> Tensor:
        latent_BCTHW = module.clips.latents([clips[position] for position in chosen]).to(module.device)
        with module.trainer.precision_plugin.forward_context():
            loss_B = module.world_model.loss(
                latent_BCTHW,
                control,
                seed=self.plan.seed,
                step=NOISE_STEP,
                samples=chosen,
                dropout=0.0,
                draw_given=False,
            )
        return loss_B.double()
