"""What NeMo's trainer costs over a bare PyTorch loop, on the same model and batches, taken in turns in one process.

    python benchmarks/overhead.py [--recipe factory] [--pairs 12] [--steps 5]

Both loops do the same work: the same clips, noise, loss, gradient clipping, optimizer and schedule. The trainer's also
reads its batches, logs, shows progress and looks for signals; its start-up and checkpoints are left out. The batches of
the bare loop are read before its clock starts. The ratio is the median over pairs of the time of `--steps` steps of one
loop over that of the other; CPU time is given as well, because other work on the machine disturbs it less.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import platform
import statistics
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.latents import LIST
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.run.prepare import Preparation
from cosmos_recipes.run.progress import Silent
from cosmos_recipes.training.optimizer import build_optimizer, learning_rate_factor

RESULT = Path(__file__).parent / "results" / "overhead.json"
TARGET = 1.05
WARM_UP_PAIRS = 2


@dataclass
class Times:
    """Seconds of each turn of a loop, by the clock and of the processor."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Start a turn."""
        self._began = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """End a turn."""
        self.wall_s.append(time.perf_counter() - self._began[0])
        self.cpu_s.append(time.process_time() - self._began[1])


class BareLoop:
    """The loop that one would write by hand, on a copy of the trainer's model."""

    def __init__(self, plan: Plan, module: Any) -> None:
        self.plan, self.module, self.step = plan, module, 0
        self.model = copy.deepcopy(module.world_model)
        self.model.zero_grad()
        settings, steps = plan.train.optimizer, plan.train.steps
        self.optimizer = build_optimizer(self.model, settings)
        self.scheduler = LambdaLR(
            self.optimizer,
            lambda step: learning_rate_factor(step, warmup=settings.warmup, steps=steps, decay=settings.decay),
        )

    def turn(self, steps: int, times: Times) -> None:
        """Do some steps, timed but for the reading of their batches."""
        batches = [batch for step in range(steps) for batch in self.module.batches.read(self.step + step)]
        times.start()
        for batch in batches:
            self._step(batch)
        times.stop()
        self.step += steps

    def _step(self, batch: Any) -> None:
        self.optimizer.zero_grad()
        with self._autocast():
            losses = self.model.losses(
                batch.latent_BCTHW, batch.control, seed=self.plan.seed, step=batch.step, samples=batch.samples
            )
        losses.weighted_B.mean().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.train.optimizer.clip_norm)
        self.optimizer.step()
        self.scheduler.step()

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast("cpu", torch.bfloat16) if self.plan.train.precision == "bf16" else nullcontext()


def turns(plan: Plan, steps: int, trainer_times: Times, bare_times: Times) -> Any:
    """Return a callback that stops the trainer's clock every `steps` steps to give the bare loop its turn."""
    from lightning.pytorch import Callback

    class Turns(Callback):
        def __init__(self) -> None:
            self.bare: BareLoop | None = None

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            if trainer.global_step % steps:
                return
            if self.bare is None:
                self.bare = BareLoop(plan, pl_module)
            else:
                trainer_times.stop()
            self.bare.turn(steps, bare_times)
            trainer_times.start()

    return Turns()


def measure(plan: Plan, prepared: Path, run: Path, steps: int) -> tuple[Times, Times]:
    """Return the times of the trainer and of the bare loop, turn by turn."""
    from lightning.pytorch import Trainer

    from cosmos_recipes.training.fit import train

    trainer_times, bare_times = Times(), Times()
    fit = Trainer.fit

    def fit_in_turns(self: Trainer, model: Any) -> None:
        self.callbacks.append(turns(plan, steps, trainer_times, bare_times))
        fit(self, model)

    Trainer.fit = fit_in_turns
    try:
        train(plan, run, prepared, progress=lambda what, done, total: None)
    finally:
        Trainer.fit = fit
    return trainer_times, bare_times


def ratio(trainer: list[float], bare: list[float]) -> float:
    """Return the median ratio of the turns; a turn of the trainer lies between two of the bare loop."""
    around = [(before + after) / 2 for before, after in itertools.pairwise(bare)]
    pairs = list(zip(trainer, around, strict=False))[WARM_UP_PAIRS:]
    return statistics.median(ours / theirs for ours, theirs in pairs)


def main() -> None:
    """Measure, print the ratio and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="factory")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--steps", type=int, default=5, help="steps of a turn")
    given = parser.parse_args()
    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    torch.set_num_threads(threads)
    steps = given.steps * (given.pairs + WARM_UP_PAIRS + 2)
    overrides = [
        f"train.steps={steps}",
        f"train.checkpoint_every={steps}",
        "train.optimizer.warmup=5",
        "evaluate.every=0",
    ]
    with tempfile.TemporaryDirectory() as folder:
        plan = compile_recipe(load_recipe(given.recipe, overrides=overrides))
        preparation = Preparation.of(plan, Path(folder))
        preparation.perform(Silent())
        assert (preparation.folder / "latents" / LIST).exists()
        trainer, bare = measure(plan, preparation.folder, Path(folder) / "run", given.steps)
    median = statistics.median
    result = {
        "recipe": given.recipe,
        "target_ratio": TARGET,
        "wall_ratio": round(ratio(trainer.wall_s, bare.wall_s), 4),
        "cpu_ratio": round(ratio(trainer.cpu_s, bare.cpu_s), 4),
        "trainer_ms_per_step": round(1e3 * median(trainer.wall_s) / given.steps, 2),
        "bare_ms_per_step": round(1e3 * median(bare.wall_s) / given.steps, 2),
        "trainer_steps_per_s": round(given.steps / median(trainer.wall_s), 3),
        "bare_steps_per_s": round(given.steps / median(bare.wall_s), 3),
        "pairs": given.pairs,
        "steps_per_turn": given.steps,
        "parameters": plan.backbone.parameters,
        "global_batch": plan.train.global_batch,
        "optimizer": plan.train.optimizer.name,
        "precision": plan.train.precision,
        "machine": {
            "cpus": os.cpu_count(),
            "threads": threads,
            "architecture": platform.machine(),
            "torch": torch.__version__,
        },
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"trainer {result['trainer_ms_per_step']} ms a step, bare loop {result['bare_ms_per_step']} ms a step")
    print(
        f"the trainer takes {result['wall_ratio']:.3f} times as long ({result['cpu_ratio']:.3f} in CPU time); at most {TARGET} is wanted"
    )


if __name__ == "__main__":
    main()
