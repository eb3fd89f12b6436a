"""Steps whose loss or gradient is not a finite number: written down, and dropped or the end of training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.training.log import StepLog
from cosmos_recipes.training.parallel.processes import gather

if TYPE_CHECKING:
    from cosmos_recipes.training.model import PostTraining

FILE = "not-finite.jsonl"
_SHOWN = 8


class BrokenSteps:
    """The broken steps of a run, of which `allowed` may be dropped; `dropped` counts those over all resumes."""

    def __init__(self, folder: Path, *, allowed: int) -> None:
        self.log, self.allowed, self.dropped = StepLog(folder / FILE), allowed, 0

    def meet(self, step: int, module: PostTraining, *, loss: float, kept: str) -> dict[str, Any]:
        """Write down what a broken step was made of, and return what is said of it in the log if it may be dropped.

        Every process must call this. `kept` says which checkpoint is from before it.

        Raises:
            RecipeError: no step may be dropped any more (CR602).
        """
        parts = gather(_samples(module))
        samples = sorted({each["position"]: each for part in parts for each in part}.values(), key=_position)
        found = {"loss": f"{loss:g}", "grad_norm": f"{float(module.grad_norm):g}"}
        if module.trainer.is_global_zero:
            self.log.append({"step": step, **found, "samples": samples})
        if self.dropped >= self.allowed:
            self._fail(step, found, samples, kept)
        self.dropped += 1
        return {"step": step, **found, "recordings": _names(samples)}

    def _fail(self, step: int, found: dict[str, str], samples: list[dict[str, Any]], kept: str) -> NoReturn:
        bad = [each for each in samples if not each["finite"]]
        clips = ", ".join(str(each["clip"]) for each in bad[:_SHOWN]) + _rest(bad)
        of_loss = f", in the clips {clips}" if bad else ""
        hint = "lower train.optimizer.lr, lengthen its warmup or use precision: fp32"
        more = f"allow more than the {self.allowed} dropped" if self.allowed else "drop such steps"
        fail(
            "CR602",
            f"training broke at step {step}: {'the loss' if bad else 'the gradient'} is not a finite number",
            place=Place(file=str(self.log.path)),
            expected="finite losses and gradients",
            found=f"loss {found['loss']}, gradient norm {found['grad_norm']}{of_loss}; recordings {', '.join(_names(bad or samples))}",
            hint=f"{hint}; train.skip_not_finite can {more}; {kept}",
        )


def _samples(module: PostTraining) -> list[dict[str, Any]]:
    """Return the clips of this process in the step, and of which the loss is finite."""
    return [
        {"position": position, "clip": clip, "part": part, "epoch": epoch, "recording": name, "finite": bool(finite)}
        for batch, losses in module.losses
        for position, clip, part, epoch, name, finite in zip(
            *(batch.samples, batch.clips, batch.parts, batch.epochs),
            module.clips.names(np.array(batch.clips)).to_pylist(),
            losses.raw_B.isfinite().tolist(),
            strict=True,
        )
    ]


def _names(samples: list[dict[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(each["recording"] for each in samples if not each["finite"])) or list(
        dict.fromkeys(each["recording"] for each in samples)
    )
    return [*names[:_SHOWN], *filter(None, [_rest(names).removeprefix(" and ")])]


def _rest(everything: list[Any]) -> str:
    return f" and {len(everything) - _SHOWN} more" if len(everything) > _SHOWN else ""


def _position(sample: dict[str, Any]) -> int:
    position: int = sample["position"]
    return position
