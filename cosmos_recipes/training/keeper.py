"""What happens between two steps: measuring, logging, the held-out loss, checkpoints, and stopping when asked.

One callback does it all, because the order matters: a checkpoint must hold what was logged before it.
"""

from __future__ import annotations

import math
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, Trainer

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.training.broken import BrokenSteps
from cosmos_recipes.training.checkpoints import Checkpoints
from cosmos_recipes.training.consumed import Consumed
from cosmos_recipes.training.heldout import HeldOut
from cosmos_recipes.training.log import StepLog
from cosmos_recipes.training.optimizer import learning_rate_factor
from cosmos_recipes.training.parallel import gather, total
from cosmos_recipes.training.policy import Saved
from cosmos_recipes.training.progress import Pace, Progress
from cosmos_recipes.training.watch import Watch

if TYPE_CHECKING:
    from cosmos_recipes.training.model import PostTraining

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SHOW_S = 0.1
Finish = Callable[["PostTraining", "Keeper"], None]
"""Writes what training leaves behind; called after the last step, in every process."""


@dataclass
class Window:
    """Steps since the last line of the log: sums of losses and figures, their number, and the seconds waited for data.

    `dropped` says of each step that was dropped what it was made of; it is in none of the sums.
    """

    loss: float = 0.0
    steps: int = 0
    wait_s: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    dropped: list[dict[str, Any]] = field(default_factory=list)

    def add(self, loss: float, figures: dict[str, float]) -> None:
        """Add a step."""
        self.loss, self.steps = self.loss + loss, self.steps + 1
        self.figures = {name: self.figures.get(name, 0.0) + figure for name, figure in figures.items()}

    def means(self) -> dict[str, float]:
        """Return the loss and the figures of a step, if one was not dropped."""
        if not self.steps:
            return {}
        return {name: value / self.steps for name, value in {"loss": self.loss, **self.figures}.items()}


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
        broken: BrokenSteps,
        watch: Watch,
        progress: Progress,
        finish: Finish,
    ) -> None:
        self.train, self.checkpoints, self.step_log = plan.train, checkpoints, StepLog(log)
        self.consumed, self.broken = Consumed(consumed), broken
        self.watch = watch
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
        window, dropped = asdict(self.window), self.broken.dropped
        return {"seconds": self.seconds, "loss": self.loss, "window": window, "dropped": dropped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self._before_s, self.loss = state_dict["seconds"], state_dict["loss"]
        self.window, self.broken.dropped = Window(**state_dict["window"]), state_dict["dropped"]

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Watch from here on: the first batch is read before training starts."""
        self.watch.start()

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Take over the signals, start the clock, and drop what was logged after the step that training goes on from."""
        self.step = trainer.global_step
        self._began_s = time.monotonic()
        self._pace = Pace(first_step=self.step, steps=self.train.steps)
        self.checkpoints.open()
        if trainer.is_global_zero:
            self.step_log.resume(self.step)
            self.consumed.resume(self.step)
            self.broken.log.resume(self.step)
        hosts = gather(socket.gethostname())
        if trainer.is_global_zero:
            started = {"from_step": self.step, "processes": len(hosts), "hosts": sorted(set(hosts))}
            self.step_log.append({"event": "start", **started})
        if trainer.received_sigterm:
            self.stopped_by = signal.SIGTERM
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._stop) for number in SIGNALS}
        self.watch.beat()

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Stop the clock and give the signals back."""
        self.watch.stop()
        self._before_s, self._began_s = self.seconds, time.monotonic()
        self._give_back_signals()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        """Give the signals back, and let a checkpoint that is being written be whole."""
        self.watch.stop()
        self.checkpoints.give_up()
        self._give_back_signals()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """After a step, do what is due; in the middle of one, nothing."""
        if trainer.global_step == self.step:
            return
        self.step = trainer.global_step
        self.watch.beat()
        self.checkpoints.check()
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
            saved = Saved(step=self.step, seconds=self.seconds, heldout_loss=held_out.get("heldout_loss"))
            self.checkpoints.save(trainer, saved, first=self._writes_consumed(pl_module))
        if stop:
            self.checkpoints.wait()
        trainer.should_stop = trainer.should_stop or stop

    @property
    def _is_last(self) -> bool:
        return self.step == self.train.steps

    def _finish(self, trainer: Trainer, module: PostTraining) -> None:
        self.watch.stop()
        self.checkpoints.wait()
        self._writes_consumed(module)()
        trainer.strategy.barrier()
        if trainer.is_global_zero:
            self.consumed.finish()
        self.finish(module, self)

    def _writes_consumed(self, module: PostTraining) -> Callable[[], None]:
        """Return what writes the clips consumed up to this step, whenever it is called."""
        if not module.share.leads:
            return lambda: None
        return partial(
            self.consumed.write, self.consumed.take(), self.step, rank=module.share.rank, names=module.clips.names
        )

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
        is_broken = not math.isfinite(loss) or not math.isfinite(float(module.grad_norm))
        if is_broken:
            self._meet_broken(module, loss)
        if module.share.leads:
            self.consumed.add(self.step, [batch for batch, _ in module.losses])
        module.losses.clear()
        waited_s = module.batches.wait_s
        if not is_broken:
            self.window.add(loss, dict(zip([*own[0]][1:], figures, strict=True)))
        self.window.wait_s += waited_s - self._waited_s
        self._waited_s = waited_s
        if asked_sum and self.stopped_by is None:
            self.stopped_by = signal.SIGTERM
        return bool(asked_sum)

    def _meet_broken(self, module: PostTraining, loss: float) -> None:
        self.checkpoints.wait()
        newest = self.checkpoints.newest()
        kept = f"the newest checkpoint, {newest.name}, is from before it" if newest else "there is no checkpoint yet"
        self.window.dropped.append(self.broken.meet(self.step, module, loss=loss, kept=kept))

    def _write_line(self, trainer: Trainer, module: PostTraining, held_out: dict[str, float]) -> None:
        means = self.window.means()
        self.loss = means.get("loss", self.loss)
        grad_norm, dropped = float(module.grad_norm), self.window.dropped
        line = {
            "step": self.step,
            **(means | module.world_model.family.figures_of(means["loss"]) if means else {}),
            "lr": self._learning_rate(),
            **({"grad_norm": grad_norm} if math.isfinite(grad_norm) else {}),
            "seconds": round(self.seconds, 3),
            "data_wait_s": round(self.window.wait_s, 4),
            **held_out,
        }
        self.window = Window()
        if trainer.is_global_zero:
            self.step_log.append(line | ({"dropped": dropped} if dropped else {}))
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
        """Note the signal. A second Ctrl-C ends the process as it would have without us.

        A second SIGTERM changes nothing: schedulers send it to each process, and so does each that started another.
        """
        self.stopped_by = number
        if number == signal.SIGINT:
            self._give_back_signals()

    def _give_back_signals(self) -> None:
        handlers, self._handlers = self._handlers, {}
        for number, handler in handlers.items():
            signal.signal(number, handler)
