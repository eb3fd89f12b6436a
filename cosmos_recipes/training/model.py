"""The NeMo model: a world model, the batches of this process, its optimizer and the average of its weights.

Importing this module imports NeMo, which takes seconds: do it inside the functions that train.
Legend: B batch.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from nemo.core import ModelPT
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.order import SampleOrder
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.training.average import Average
from cosmos_recipes.training.batches import Batch, Batches, PreparedClips, Share
from cosmos_recipes.training.fit import trained_by
from cosmos_recipes.training.losses import Losses
from cosmos_recipes.training.optimizer import build_optimizer, learning_rate_factor
from cosmos_recipes.training.parallel.blocks import prepare_blocks
from cosmos_recipes.training.parallel.gradients import clip_gradients
from cosmos_recipes.training.parallel.mesh import Mesh
from cosmos_recipes.training.parallel.processes import total
from cosmos_recipes.training.parallel.sharing import share_work
from cosmos_recipes.training.parallel.tensor import sum_partial_gradients
from cosmos_recipes.training.world_model import WorldModel


class PostTraining(ModelPT):
    """Trains the world model of a plan on a prepared folder (`index`, latents, tokenizer).

    Checkpoints hold no random state: order, noise and dropped controls are functions of the seed and the step.
    """

    def __init__(self, cfg: DictConfig, trainer: Trainer, *, plan: Plan, prepared: Path) -> None:
        super().__init__(cfg, trainer)
        self.plan = plan
        self.clips = PreparedClips(prepared)
        self.world_model = WorldModel.build(plan, tokenizer=prepared / "tokenizer")
        self.average: Average | None = None
        self.grad_norm = torch.zeros(())
        self.is_dropped = False
        self.losses: list[tuple[Batch, Losses]] = []
        self._batches: Batches | None = None
        self._partial: list[nn.Module] = []
        # Weights that do not train are not in a checkpoint: the plan says where they are from.
        self.register_state_dict_post_hook(_leave_out_frozen)
        self.register_load_state_dict_post_hook(_miss_no_frozen)

    def configure_model(self) -> None:
        """Prepare blocks, share the work where the strategy does, then copy the weights for the average."""
        hardware = self.plan.hardware
        blocks = self.world_model.transformer.transformer_blocks
        prepare_blocks(blocks, recompute=hardware.recompute, compiles=hardware.compile)
        if self.mesh is not None:
            self._partial = share_work(self.world_model, self.mesh, self.plan)
        if self.plan.train.ema is not None:
            self.average = Average(self.world_model, self.plan.train.ema)

    def setup(self, stage: str | None = None) -> None:
        """Do nothing where NeMo would ask for loaders and add its telemetry, which costs a millisecond a step."""

    @property
    def mesh(self) -> Mesh | None:
        """The mesh of the processes, where they share more than clips."""
        mesh: Mesh | None = self.trainer.strategy.mesh
        return mesh

    @property
    def batches(self) -> Batches:
        """The batches of this process; there once the processes know each other."""
        if self._batches is None:
            mixture = self.clips.mixture([each.weight for each in self.plan.data.sets])
            self._batches = Batches(
                self.clips,
                SampleOrder(mixture, global_batch=self.plan.train.global_batch, seed=self.plan.seed),
                self.share,
                collate=self.world_model.collate,
                first_step=lambda: self.trainer.global_step,
            )
        return self._batches

    @property
    def share(self) -> Share:
        """What this process does of every global batch."""
        return Share(
            rank=self.mesh.data_rank if self.mesh else self.trainer.global_rank,
            world=self.mesh.data_world if self.mesh else self.trainer.world_size,
            leads=self.mesh.leads if self.mesh else True,
            global_batch=self.plan.train.global_batch,
            micro_batch=self.plan.train.micro_batch,
        )

    def train_dataloader(self) -> Batches:
        """Return the endless micro-batches of this process."""
        return self.batches

    # There is none: Lightning warns of NeMo's, which has no validation step to go with it.
    val_dataloader = LightningModule.val_dataloader

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss, scaled so that Lightning's mean over micro-batches and processes is the mean over clips."""
        losses = self.world_model.losses(
            batch.latent_BCTHW, batch.control, seed=self.plan.seed, step=batch.step, samples=batch.samples
        )
        self.losses.append((batch, losses.detached()))
        return losses.weighted_B.sum() * (self.share.accumulate / self.share.clips_per_step)

    def configure_optimizers(self) -> dict[str, Any]:
        """Return the plan's optimizer and its learning rate per step."""
        settings, steps = self.plan.train.optimizer, self.plan.train.steps
        optimizer = build_optimizer(self.world_model, settings)
        factor = partial(learning_rate_factor, warmup=settings.warmup, steps=steps, decay=settings.decay)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}}

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Make gradients whole, scale them down to the plan's norm and keep the norm that they had."""
        if self.mesh is not None:
            sum_partial_gradients(self._partial, self.mesh.tensor)
        trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self.grad_norm = clip_gradients(trained, self.plan.train.optimizer.clip_norm)
        self.is_dropped = bool(self.plan.train.skip_not_finite) and not self._is_finite()
        if self.is_dropped:
            for parameter in trained:
                # Which leaves the parameter, and what the optimizer keeps of it, as they are.
                parameter.grad = None

    def _is_finite(self) -> bool:
        """Return whether the losses of all processes, and so all that they add up, are finite numbers."""
        broken = [(~losses.raw_B.isfinite()).sum() for _, losses in self.losses]
        return not total(torch.stack(broken).sum()) and math.isfinite(float(self.grad_norm))

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """Update the weights, and the average with them: a checkpoint that follows holds both or neither."""
        step = self.trainer.global_step
        super().optimizer_step(*arguments, **named)
        if self.average is not None and not self.is_dropped:
            self.average.update(self.world_model, step)

    def averaged(self) -> AbstractContextManager[None]:
        """Return a block in which the world model has the weights that are evaluated and published."""
        return nullcontext() if self.average is None else self.average.in_place(self.world_model)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Make the checkpoint loadable everywhere, and say whose it is and that its step is done."""
        checkpoint["hyper_parameters"] = OmegaConf.to_container(self.cfg)
        checkpoint.pop("hparams_type", None)
        checkpoint["trained_by"] = trained_by(self.plan)
        # Lightning counts batches towards accumulation. A checkpoint is always at the end of a step: start again at
        # nought, or a resume with another number of processes would cut steps in two.
        current = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]
        current.update(dict.fromkeys(current, 0))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another plan (CR603)."""
        ours, theirs = trained_by(self.plan), checkpoint.get("trained_by")
        if ours != theirs:
            fail(
                "CR603",
                "the checkpoint in this run's folder belongs to another plan",
                expected=f"plan {ours[:12]}",
                found=f"plan {str(theirs)[:12]}",
                hint="train in another run folder, or remove this one's train/ folder",
            )

    def setup_training_data(self, train_data_config: DictConfig | dict[str, Any]) -> None:
        """Do nothing: `train_dataloader` gives the batches."""

    def setup_validation_data(self, val_data_config: DictConfig | dict[str, Any]) -> None:
        """Do nothing: the held-out loss is measured between steps."""

    @classmethod
    def list_available_models(cls) -> None:
        """Return nothing: models to start from are in the zoo."""


def _leave_out_frozen(module: Any, state: dict[str, Any], prefix: str, _: Any) -> None:
    for name in _frozen(module):
        state.pop(prefix + name, None)


def _miss_no_frozen(module: Any, incompatible: Any) -> None:
    frozen = _frozen(module)
    for names in incompatible:
        names[:] = [name for name in names if name not in frozen]


def _frozen(module: Any) -> set[str]:
    model = module.world_model
    return {f"world_model.{name}" for name, parameter in model.named_parameters() if not parameter.requires_grad}
