"""Runs that are real in every part and small in every number, through the command line, as a person starts them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.recipe.library import names
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.recipe.located import read_located

STEPS = 8
WORLD = "{schema: instruction-video, source: {kind: world, world: factory, episodes: 6, held_out: 4}}"
SMALL = {
    "train.steps": STEPS,
    "train.global_batch": 2,
    "train.log_every": 1,
    "train.checkpoint_every": 2,
    "train.optimizer.warmup": 1,
    "evaluate.clips": 4,
    "evaluate.samples": 2,
    "evaluate.sampler_steps": 2,
    "evaluate.every": 0,
    "gate.psnr_over_copy": "null",
    "gate.psnr_moving_over_copy": "null",
    "gate.ssim": "null",
    "gate.adherence": "null",
    "gate.task": "null",
}


def small_dataset(recipe: str | Path, *, episodes: int = 6, held_out: int = 4, **changed: Any) -> str:
    """Return a recipe's own data set with few recordings, written inline; that of `factory` for mixtures and tests."""
    loaded = load_recipe(recipe)
    use = loaded.recipe.dataset.use
    if not isinstance(use, str) or use not in names("datasets"):
        return WORLD
    declared = read_located(names("datasets")[use]).tree
    if "mix" in declared:
        return WORLD
    return json.dumps(
        {**declared, "source": {**declared["source"], "episodes": episodes, "held_out": held_out}, **changed}
    )


def command(recipe: str | Path, runs: Path, *more: str, profile: str | None = None, **settings: Any) -> list[str]:
    """The command that runs a recipe small; `settings` are keys with two underscores for a dot."""
    loaded = load_recipe(recipe, profile=profile).recipe
    more = (*more, "--profile", profile) if profile else more
    chosen = SMALL | {
        "dataset.use": small_dataset(recipe),
        "gate.figures": json.dumps(dict.fromkeys(loaded.gate.figures)),
    }
    if not backbone(loaded.start.use).objective.denoises:
        del chosen["evaluate.sampler_steps"]
    chosen |= {key.replace("__", "."): value for key, value in settings.items()}
    overrides = [part for key, value in chosen.items() for part in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "cosmos_recipes", "run", str(recipe), "--runs", str(runs), *overrides, *more]


def environment() -> dict[str, str]:
    """One thread, so that the same sums are made in the same order."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}


def start(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start a command in a process group of its own, its messages on one pipe."""
    return subprocess.Popen(
        arguments,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(arguments: Sequence[str]) -> str:
    """Run a command to its end, which must be a good one; return what it said."""
    done = subprocess.run(
        arguments, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def only_run(runs: Path, recipe: str) -> Path:
    """The folder of the one run of a recipe."""
    (folder,) = (runs / recipe).iterdir()
    return folder


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[str], *, patience_s: float = 240) -> None:
    """Wait until something is so; the process must not end before."""
    give_up_s = time.monotonic() + patience_s
    while not happened():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < give_up_s, "nothing happened"
        time.sleep(0.02)


def steps_logged(runs: Path, recipe: str) -> int:
    """How many steps the log of the one run tells of."""
    logs = list((runs / recipe).glob("*/log.jsonl"))
    return sum('"step"' in line for log in logs for line in log.read_text().splitlines())


def stage_state(runs: Path, recipe: str, stage: str) -> str:
    """`started`, `done`, or nothing if the stage was not reached."""
    for path in (runs / recipe).glob(f"*/stages/{stage}.json"):
        return str(json.loads(path.read_text())["state"])
    return ""


def weights_hash(model: Path) -> str:
    """One hash of every weight file of a model's folder."""
    files = sorted(model.rglob("*.safetensors"))
    assert files
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)).hexdigest()
