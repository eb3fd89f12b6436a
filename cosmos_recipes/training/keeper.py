"""What happens between two steps: measuring, logging, the held-out loss, checkpoints, and stopping when asked.

One callback does it all, because the order matters: a checkpoint must hold what was logged before it.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, Trainer

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.training.checkpoints import Checkpoints
from cosmos_recipes.training.consumed import Consumed
from cosmos_recipes.training.heldout import HeldOut
from cosmos_recipes.training.log import StepLog
from cosmos_recipes.training.optimizer import learning_rate_factor
from cosmos_recipes.training.parallel import gather, total
from cosmos_recipes.training.progress import Pace, Progress

if TYPE_CHECKING:
    from cosmos_recipes.training.model import PostTraining

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SHOW_S = 0.1
Finish = Callable[["PostTraining", "Keeper"], None]
"""Writes what training leaves behind; called after the last step, in every process."""


@dataclass
class Window:
    """Steps since the last line of the log: sums of losses and figures, their number, and the seconds waited for data."""

    loss: float = 0.0
    steps: int = 0
    wait_s: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)


class Keeper(Callback):
    """Watches the steps of a run.

    `stopped_by` is the signal that ended training early, `seconds` the time in training over all resumes, and `loss`
    that of the last line of the log.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        checkpoints: Checkpoints,
        log: Path,
        consumed: Path,
        progress: Progress,
        finish: Finish,
    ) -> None:
        self.train, self.checkpoints, self.step_log = plan.train, checkpoints, StepLog(log)
        self.consumed = Consumed(consumed)
        self.held_out, self.progress, self.finish = HeldOut(plan), progress, finish
        self.step, self.loss, self.window = 0, math.nan, Window()
        self.stopped_by: int | None = None
        self._before_s, self._began_s, self._waited_s, self._shown_s = 0.0, time.monotonic(), 0.0, 0.0
        self._handlers: dict[int, Any] = {}
        self._pace = Pace(first_step=0, steps=plan.train.steps)

    @property
    def seconds(self) -> float:
        """Time in training so far, over all resumes."""
        return self._before_s + time.monotonic() - self._began_s

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs to go on counting."""
        return {"seconds": self.seconds, "loss": self.loss, "window": asdict(self.window)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self._before_s, self.loss = state_dict["seconds"], state_dict["loss"]
        self.window = Window(**state_dict["window"])

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Take over the signals, start the clock, and drop what was logged after the step that training goes on from."""
        self.step = trainer.global_step
        self._began_s = time.monotonic()
        self._pace = Pace(first_step=self.step, steps=self.train.steps)
        if trainer.is_global_zero:
            self.checkpoints.tidy()
            self.step_log.resume(self.step)
            self.consumed.resume(self.step)
        if trainer.received_sigterm:
            self.stopped_by = signal.SIGTERM
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._stop) for number in SIGNALS}

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Stop the clock and give the signals back."""
        self._before_s, self._began_s = self.seconds, time.monotonic()
        self._give_back_signals()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        """Give the signals back."""
        self._give_back_signals()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """After a step, do what is due; in the middle of one, nothing."""
        if trainer.global_step == self.step:
            return
        self.step = trainer.global_step
        stop = self._measure(pl_module)
        line_due = self.step % self.train.log_every == 0 or self._is_last
        held_out = self.held_out.measure(pl_module) if self.held_out.due(self.step) else {}
        if line_due or held_out:
            self._write_line(trainer, pl_module, held_out)
        if trainer.is_global_zero:
            self._show(pl_module)
        if self._is_last:
            self._finish(trainer, pl_module)
        elif stop or self.step % self.train.checkpoint_every == 0:
            self.checkpoints.save(trainer, first=lambda: self._write_consumed(pl_module))
        trainer.should_stop = trainer.should_stop or stop

    @property
    def _is_last(self) -> bool:
        return self.step == self.train.steps

    def _finish(self, trainer: Trainer, module: PostTraining) -> None:
        self._write_consumed(module)
        trainer.strategy.barrier()
        if trainer.is_global_zero:
            self.consumed.finish()
        self.finish(module, self)

    def _write_consumed(self, module: PostTraining) -> None:
        if module.share.leads:
            self.consumed.write(self.step, rank=module.share.rank, names=module.clips.names)

    def _measure(self, module: PostTraining) -> bool:
        """Add the step to the window; return whether any process was asked to stop."""
        own = [
            {"loss": each.raw_B.sum(), **{k: v_B.sum() for k, v_B in each.figures_B.items()}}
            for _, each in module.losses
        ]
        share = module.share.leads / self.train.global_batch
        sums = [torch.stack([each[name] for each in own]).sum() * share for name in own[0]]
        asked = torch.tensor(float(self.stopped_by or 0), device=module.device)
        asked_sum, loss, *figures = total(torch.stack([asked, *sums])).tolist()
        if not math.isfinite(loss) or not math.isfinite(float(module.grad_norm)):
            self._fail_not_finite(module, loss)
        if module.share.leads:
            self.consumed.add(self.step, [batch for batch, _ in module.losses])
        module.losses.clear()
        waited_s = module.batches.wait_s
        self.window.loss += loss
        for name, figure in zip([*own[0]][1:], figures, strict=True):
            self.window.figures[name] = self.window.figures.get(name, 0.0) + figure
        self.window.steps += 1
        self.window.wait_s += waited_s - self._waited_s
        self._waited_s = waited_s
        if asked_sum and self.stopped_by is None:
            self.stopped_by = signal.SIGTERM
        return bool(asked_sum)

    def _fail_not_finite(self, module: PostTraining, loss: float) -> None:
        bad = [
            clip
            for batch, losses in module.losses
            for clip, finite in zip(batch.clips, losses.raw_B.isfinite(), strict=True)
            if not finite
        ]
        clips = sorted({clip for part in gather(bad) for clip in part})
        newest = self.checkpoints.newest()
        kept = f"the newest checkpoint, {newest.name}, is from before it" if newest else "there is no checkpoint yet"
        fail(
            "CR602",
            f"training broke at step {self.step}: "
            + ("the loss" if clips else "the gradient")
            + " is not a finite number",
            expected="finite losses and gradients",
            found=f"loss {loss:g}, gradient norm {float(module.grad_norm):g}"
            + (f", in the clips {_some(clips)}" if clips else ""),
            hint=f"lower train.optimizer.lr, lengthen its warmup or use precision: fp32; {kept}",
        )

    def _write_line(self, trainer: Trainer, module: PostTraining, held_out: dict[str, float]) -> None:
        self.loss = self.window.loss / self.window.steps
        line = {
            "step": self.step,
            "loss": self.loss,
            **module.world_model.family.figures_of(self.loss),
            **{name: figure / self.window.steps for name, figure in self.window.figures.items()},
            "lr": self._learning_rate(),
            "grad_norm": float(module.grad_norm),
            "seconds": round(self.seconds, 3),
            "data_wait_s": round(self.window.wait_s, 4),
            **held_out,
        }
        self.window = Window()
        if trainer.is_global_zero:
            self.step_log.append(line)
        for logger in trainer.loggers:
            logger.log_metrics({name: float(value) for name, value in line.items() if name != "step"}, step=self.step)

    def _learning_rate(self) -> float:
        settings = self.train.optimizer
        factor = learning_rate_factor(
            self.step - 1, warmup=settings.warmup, steps=self.train.steps, decay=settings.decay
        )
        return settings.lr * factor

    def _show(self, module: PostTraining) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_s < SHOW_S and not self._is_last:
            return
        self._shown_s = now_s
        loss = self.window.loss / self.window.steps if self.window.steps else self.loss
        self.progress(self._pace.words(self.step, loss, module.batches.wait_s), self.step, self.train.steps)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; a second one ends the process as it would have without us."""
        self.stopped_by = number
        self._give_back_signals()

    def _give_back_signals(self) -> None:
        handlers, self._handlers = self._handlers, {}
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _some(clips: list[int]) -> str:
    return ", ".join(map(str, clips[:8])) + (f" and {len(clips) - 8} more" if len(clips) > 8 else "")
