"""Train the world model of a plan in this process; what is finished is skipped, what was interrupted goes on."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.compiler.nemo import nemo_config
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import Problem, render
from cosmos_recipes.training.progress import Progress, Quiet

if TYPE_CHECKING:
    from omegaconf import DictConfig


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What training made: `seconds` over all resumes, the loss of the last line of the log, the folder of the model.

    `peak_gpu_bytes` are the most that tensors took on the first GPU since the last start; None without one.
    """

    steps: int
    seconds: float
    final_loss: float
    model: Path
    peak_gpu_bytes: int | None = None


def train(
    plan: Plan, run: Path, prepared: Path, *, progress: Progress | None = None, config: DictConfig | None = None
) -> TrainResult:
    """Train in this process, and write `train/model/`, `train/checkpoints/` and `log.jsonl` below `run`.

    `config` is NeMo's (trainer, exp_manager, model); by default that of `run`. `progress` is told ten times a second.
    A signal (SIGINT, SIGTERM) makes it save the state after the current step, and is then delivered again. Where no step
    is finished in `hardware.stall_s` seconds, the process says on standard error where it hangs, and ends.

    Raises:
        RecipeError: training cannot begin or broke (CR6xx).
        KeyboardInterrupt: a signal came and its handler let it pass.
    """
    done = finished(plan, run)
    if done is not None:
        return done
    rank = int(os.environ.get("RANK", "0"))
    with ExitStack() as stack:
        quiet = stack.enter_context(Quiet(console_log(run, rank)))

        def show(what: str, done: int, total: int) -> None:
            if progress is not None:
                with quiet.loud():
                    progress(what, done, total)

        def alarm(problem: Problem) -> None:
            if rank == 0:
                with quiet.loud():
                    sys.stderr.write(f"\n{render([problem])}\n")
                    sys.stderr.flush()

        show("starting NeMo", 0, 0)
        # NeMo takes seconds to import.
        from cosmos_recipes.training.session import fit

        stopped_by = fit(plan, run, prepared, config=config, progress=show, alarm=alarm)
    if stopped_by is not None:
        signal.raise_signal(stopped_by)
        raise KeyboardInterrupt
    result = finished(plan, run)
    assert result is not None, "training ended without a result"
    return result


def console_log(run: Path, rank: int) -> Path:
    """Return the file that keeps what libraries print in a process."""
    return run / "train" / ("nemo.log" if rank == 0 else f"nemo-rank{rank}.log")


def nemo_file(plan: Plan, run: Path) -> DictConfig:
    """Return NeMo's configuration of a run: its `nemo.yaml`, or what the compiler would write there."""
    from omegaconf import DictConfig, OmegaConf

    path = run / "nemo.yaml"
    return DictConfig(OmegaConf.load(path) if path.exists() else nemo_config(plan))


def finished(plan: Plan, run: Path) -> TrainResult | None:
    """Return the result of a finished training of this very plan, or None."""
    path, model = run / "train" / "result.json", run / "train" / "model"
    if not (path.exists() and model.exists()):
        return None
    value: dict[str, Any] = json.loads(path.read_text())
    if value.pop("trained_by") != trained_by(plan):
        return None
    return TrainResult(**value, model=model)


def record(plan: Plan, *, seconds: float, final_loss: float) -> dict[str, Any]:
    """Return what `result.json` holds of a finished training."""
    import torch

    peak_gpu_bytes = torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else None
    made = TrainResult(
        steps=plan.train.steps,
        seconds=round(seconds, 3),
        final_loss=final_loss,
        model=Path(),
        peak_gpu_bytes=peak_gpu_bytes,
    )
    result = asdict(made)
    del result["model"]
    return {"trained_by": trained_by(plan), **result}


def trained_by(plan: Plan) -> str:
    """Return the hash of what decides the weights; how many processes share the work does not."""
    return plan.fingerprint("task", "seed", "backbone", "data", "conditioning", "train")
