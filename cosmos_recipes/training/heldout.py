"""The loss on held-out clips while training, always at the same noise. Legend: B batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.training.parallel import reshard, total

if TYPE_CHECKING:
    from cosmos_recipes.training.model import PostTraining

NOISE_STEP = -1
"""The step whose noise is used: one that training never reaches."""


class HeldOut:
    """Measures the loss every `evaluate.every` steps, and after the last one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def due(self, step: int) -> bool:
        """Return whether to measure after a step."""
        every = self.plan.evaluate.every
        return every > 0 and (step % every == 0 or step == self.plan.train.steps)

    @torch.no_grad()
    def loss(self, module: PostTraining) -> float:
        """Return the mean loss over the held-out clips, with their true controls and the weights to be published."""
        clips = module.clips.ids("held-out")
        clips = clips[:: max(1, len(clips) // self.plan.evaluate.clips)][: self.plan.evaluate.clips].tolist()
        share, sum_ = module.share, torch.zeros((), device=module.device)
        # Every process makes as many forward passes, as sharded weights need; who has no clip left repeats the last.
        rounds = -(-len(clips) // (share.world * share.micro_batch))
        with module.averaged():
            for position in range(rounds):
                first = (position * share.world + share.rank) * share.micro_batch
                chosen = list(range(first, min(first + share.micro_batch, len(clips))))
                loss_B = self._loss(module, clips, chosen or [len(clips) - 1])
                sum_ += loss_B.sum() if chosen else 0
            reshard(module.world_model)
        return float(total(sum_)) / len(clips)

    def _loss(self, module: PostTraining, clips: list[int], chosen: list[int]) -> torch.Tensor:
        numbers = [clips[position] for position in chosen]
        control = module.world_model.collate(module.clips.rows(numbers))
        latent_BCTHW = module.clips.latents(numbers).to(module.device)
        with module.trainer.precision_plugin.forward_context():
            return module.world_model.loss(
                latent_BCTHW,
                control,
                seed=self.plan.seed,
                step=NOISE_STEP,
                samples=chosen,
                dropout=0.0,
                draw_given=False,
            )
