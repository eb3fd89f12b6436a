"""What cosmos-framework and Cosmos-Predict2.5 say alike of a training: steps, learning rate, batch, adapters, the clip.

Both train with the Imaginaire trainer, whose keys they share. Its learning rate is `optimizer.lr` times a factor that
rises from `f_start` to `f_max` over `warm_up_steps`, then falls to `f_min` at the end of a cycle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.backbones.zoo import ZooEntry
from cosmos_recipes.migrate.found_data import FoundData
from cosmos_recipes.migrate.ledger import Ledger
from cosmos_recipes.recipe.quantities import format_quantity

GPUS, GPU = 8, "h100-80gb"
SIZES = ((480, 832), (480, 640), (256, 320), (128, 160), (64, 96))
"""Height and width in pixels."""
DEFAULT_STEPS = 10_000
DEFAULT_LR = 3e-5
_HALF = 0.5
_PARENT = "the experiment that it builds on says it"

REASONS: dict[str, str] = {
    "job.*": "of their log and their folders; a run here is called after its recipe",
    "scheduler.f_start": "the learning rate rises from zero here",
    "scheduler.f_min": "the learning rate stays, or falls to zero along a cosine",
    "scheduler.cycle_lengths": "the learning rate has one cycle here, as long as the run",
    "scheduler.verbosity_interval": "the log has the learning rate whenever it has the loss",
    "scheduler.*": "the learning rate has a warm-up and one decay here",
    "optimizer.betas": "not a setting here: AdamW has its usual ones",
    "optimizer.eps": "not a setting here: AdamW has its usual one",
    "optimizer.fused": "chosen here by where it trains",
    "optimizer.keys_to_select": "a recipe trains every weight, or adapters: see train.method",
    "optimizer.lr_multipliers*": "there is one rate for the trunk, and train.optimizer.head_lr for the head",
    "trainer.distributed_parallelism": "the compiler chooses the strategy",
    "trainer.callbacks.grad_clip.force_finite": "a step that is not finite stops the run here",
    "trainer.callbacks.every_n_sample*": "videos are made in the evaluation, after training: see evaluate",
    "trainer.callbacks.compile_tokenizer*": "the tokenizer is not compiled: its latents are made once and kept",
    "trainer.callbacks.*": "of their log; the run here has one of its own",
    "trainer.straggler_detection*": "of their cluster",
    "trainer.*": "of their trainer; nothing here does the same",
    "checkpoint.load_path": "a recipe starts from a backbone; for a trained model say `backbone: {use: ..., weights: FOLDER}`",
    "checkpoint.keys_to_skip_loading": "belongs to the checkpoint that is not read here",
    "checkpoint.load_from_object_store*": "checkpoints lie in the run's folder",
    "checkpoint.save_to_object_store*": "checkpoints lie in the run's folder",
    "checkpoint.*": "of how they load and save; a run here goes on by itself",
    "model_parallel.*": "the compiler chooses how processes share the work",
}


def whole(least: int = 1) -> Callable[[Any], bool]:
    """Return whether a value is a whole number, at least so large."""
    return lambda value: type(value) is int and least <= value < 2**31


def real(value: Any) -> bool:
    """Return whether a value is a number, not below zero."""
    return type(value) in (int, float) and 0 <= value < float("inf")


def numbers(value: Any) -> bool:
    """Return whether a value is a list of numbers that are not below zero, one at least."""
    return isinstance(value, list | tuple) and bool(value) and all(map(real, value))


def carry_steps(ledger: Ledger) -> int:
    """Carry over how long it trains, how often it is saved, and how often a line is logged; return the steps."""
    steps = ledger.take("trainer.max_iter", whole(), "a whole number above zero")
    if steps:
        ledger.carry("train.steps", steps, "trainer.max_iter")
    else:
        steps = DEFAULT_STEPS
        ledger.choose("train.steps", steps, f"the file does not say it; {_PARENT}")
    for ours, theirs in (
        ("train.checkpoint_every", "checkpoint.save_iter"),
        ("train.log_every", "trainer.logging_iter"),
    ):
        if count := ledger.take(theirs, whole(), "a whole number above zero"):
            ledger.carry(ours, count, theirs)
    return int(steps)


def carry_optimizer(ledger: Ledger, steps: int) -> None:
    """Carry over the learning rate with its peak, warm-up and decay, the weight decay, and the clipping of gradients."""
    lr = ledger.take("optimizer.lr", lambda value: real(value) and value > 0, "a number above zero")
    peaks = ledger.take("scheduler.f_max", numbers, "a list of numbers")
    peak = peaks[0] if peaks and peaks[0] > 0 else 1.0
    if lr and lr * peak <= 1:
        how = f"{lr:g} times {peak:g}, the peak" if peak != 1 else ""
        ledger.carry(
            "train.optimizer.lr", float(lr * peak), "optimizer.lr", *(["scheduler.f_max"] if peaks else []), how=how
        )
    else:
        ledger.choose("train.optimizer.lr", DEFAULT_LR, f"the file says none that trains; {_PARENT}")
    warmups = ledger.take("scheduler.warm_up_steps", numbers, "a list of numbers")
    if warmups and whole(0)(warmups[0]):
        how = f"longer than the {steps} steps: the peak is never reached" if warmups[0] > steps else ""
        ledger.carry("train.optimizer.warmup", warmups[0], "scheduler.warm_up_steps", how=how)
    _carry_decay(ledger, steps)
    decay = ledger.take("optimizer.weight_decay", lambda value: real(value) and value <= 1, "a number from 0 to 1")
    if decay is not None:
        ledger.carry("train.optimizer.weight_decay", float(decay), "optimizer.weight_decay")
    norm = ledger.take("trainer.callbacks.grad_clip.clip_norm", lambda v: real(v) and v > 0, "a number above zero")
    if norm:
        ledger.carry("train.optimizer.clip_norm", float(norm), "trainer.callbacks.grad_clip.clip_norm")


def _carry_decay(ledger: Ledger, steps: int) -> None:
    """Choose the decay that ends nearer to theirs, whose factor falls towards `f_min` over a cycle."""
    lows, cycles = ledger.get("scheduler", "f_min"), ledger.get("scheduler", "cycle_lengths")
    if not (numbers(lows) and numbers(cycles) and cycles[0] > 0):
        return
    peaks = ledger.get("scheduler", "f_max")
    share = lows[0] / peaks[0] if numbers(peaks) and peaks[0] > 0 else lows[0]
    last = 1 - (1 - min(share, 1.0)) * min(steps / cycles[0], 1.0)
    there = f"theirs comes to {last:.2f} of the peak in {steps} steps"
    ledger.choose("train.optimizer.decay", "constant" if last >= _HALF else "cosine", there)
    ledger.leave("scheduler.f_min", f"the learning rate stays, or falls to zero along a cosine: {there}")
    ledger.leave("scheduler.cycle_lengths", f"a cycle is as long as the run here: {there}")


def carry_lora(ledger: Ledger, prefix: str, switch: str) -> None:
    """Carry over the adapters, if there are any."""
    wanted = ledger.take(f"{prefix}.{switch}", lambda value: isinstance(value, bool), "true or false")
    if wanted is None:
        return
    if not wanted:
        ledger.carry("train.method", "full", f"{prefix}.{switch}")
        for name in ("lora_rank", "lora_alpha", "lora_target_modules", "init_lora_weights"):
            ledger.leave(f"{prefix}.{name}", "adapters are off there")
        return
    ledger.carry(
        "train.method.lora.rank", _adapter(ledger, f"{prefix}.lora_rank"), f"{prefix}.lora_rank", f"{prefix}.{switch}"
    )
    ledger.carry(
        "train.method.lora.alpha",
        _adapter(ledger, f"{prefix}.lora_alpha"),
        f"{prefix}.lora_alpha",
        f"{prefix}.{switch}",
    )
    ledger.leave(
        f"{prefix}.lora_target_modules",
        "adapters here are on both attentions and the feed-forward network of every block",
    )
    ledger.leave(f"{prefix}.init_lora_weights", "adapters always begin as a no-op here")


def _adapter(ledger: Ledger, path: str) -> int:
    return int(ledger.take(path, whole(), "a whole number above zero") or 16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """The clips of a step, from what a process takes: `size`, on `gpus`, of which `context` share a clip, `times` over."""

    size: int = 1
    gpus: int = GPUS
    context: int = 1
    times: int = 1

    @property
    def clips(self) -> int:
        """Clips of a step as the old file trains."""
        return self.size * max(1, self.gpus // self.context) * self.times

    @property
    def here(self) -> int:
        """The same, rounded up so that every process has a clip."""
        return -(-self.clips // self.gpus) * self.gpus


def carry_batch(ledger: Ledger, batch: Batch, *paths: str) -> None:
    """Carry over the clips of a step."""
    share = f" / {batch.context}" if batch.context > 1 else ""
    more = f" x {batch.times}" if batch.times > 1 else ""
    how = f"{batch.size} x {batch.gpus} GPUs{share}{more}"
    if batch.here != batch.clips:
        how += f" is {batch.clips}, rounded up to a clip for every process"
    if any(tuple(path.split(".")) in ledger.leaves for path in paths):
        ledger.carry("train.global_batch", batch.here, *paths, how=how)
    else:
        ledger.choose("train.global_batch", batch.here, f"the file does not say it; {how}")


def carry_clip(
    ledger: Ledger,
    data: FoundData,
    entry: ZooEntry,
    *,
    frames: tuple[int, str] | None,
    size: tuple[tuple[int, int], str] | None,
) -> None:
    """Carry over the window: frames and size with the paths that say them, and the rate of the data, which is theirs."""
    if frames:
        ledger.carry("dataset.clip.frames", frames[0], frames[1])
    else:
        count = _frames(data, entry)
        ledger.choose("dataset.clip.frames", count, f"the file does not say it; {_why_frames(count, entry)}")
    rate_hz = data.rate_hz or entry.native.rate_hz
    why = (
        "the data's own, as theirs takes frames one after the other" if data.rate_hz else f"it is that of {entry.name}"
    )
    ledger.choose("dataset.clip.rate", format_quantity(rate_hz, "rate"), why)
    if size:
        ledger.carry("dataset.clip.size", f"{size[0][0]}x{size[0][1]}", size[1])
        return
    count = frames[0] if frames else _frames(data, entry)
    height, width = _size(data, entry, count)
    own = (height, width) == entry.native.size
    why = (
        f"it is that of {entry.name}"
        if own
        else f"the largest usual one of which {entry.name} takes so many frames and views"
    )
    ledger.choose("dataset.clip.size", f"{height}x{width}", f"the file does not say it; {why}")


def _size(data: FoundData, entry: ZooEntry, frames: int) -> tuple[int, int]:
    """Return the backbone's own size in pixels, or the largest usual one whose clips of all views it takes."""
    latent_frames = 1 + (frames - 1) // entry.tokenizer.temporal
    high, wide = entry.size_multiple
    sizes = [entry.native.size, *(size for size in SIZES if size[0] % high == size[1] % wide == 0)]
    fitting = (
        size for size in sizes if data.views * latent_frames * size[0] * size[1] // (high * wide) <= entry.limits.tokens
    )
    return next(fitting, sizes[-1])


def _frames(data: FoundData, entry: ZooEntry) -> int:
    """Return the frames of the backbone's own clip, or as many as the recordings have and its tokenizer takes."""
    most = min(entry.native.frames, data.frames or entry.native.frames)
    return 1 + (most - 1) // entry.tokenizer.temporal * entry.tokenizer.temporal


def _why_frames(count: int, entry: ZooEntry) -> str:
    return f"{entry.name} was trained on so many" if count == entry.native.frames else "as many as the recordings have"


def carry_data(ledger: Ledger, data: FoundData, *, origin: str, path: str = "") -> None:
    """Say the data set, its contract and the head that takes its columns."""
    ledger.choose("dataset.schema", data.schema, "the contract of the data set")
    if path:
        ledger.carry("dataset.use", data.use, path, how=origin)
    else:
        ledger.choose("dataset.use", data.use, origin)
    ledger.choose("conditioning.head", data.head, "it takes the columns that the data set has")


def choose_gpu(ledger: Ledger) -> None:
    """Say the kind of GPU, which no such file says."""
    ledger.choose("hardware.gpu", GPU, "the file does not say it; say yours")
