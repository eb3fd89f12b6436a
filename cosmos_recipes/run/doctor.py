"""What `cosmos-recipe doctor` finds out: each check does the real thing, on a small scale."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cosmos_recipes.data.decode import BackendName
from cosmos_recipes.diagnostics import RecipeError

PACKAGES = (
    *("torch", "nemo_toolkit", "lightning", "nvidia-dali-cuda130", "diffusers", "transformers"),
    *("datasets", "huggingface_hub", "pyarrow", "omegaconf", "typer", "av"),
)
LEAST_FREE_BYTES = 5e9
BROKEN = (ImportError, OSError, RuntimeError, ValueError, RecipeError)
"""How a library that does not work on this machine makes itself known."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor: what was looked at, whether it is fit for running recipes, and what was seen."""

    name: str
    fine: bool
    text: str


def examine(folder: Path) -> Iterator[Finding]:
    """Yield findings about this machine, one at a time; runs are to lie in `folder`."""
    yield Finding(name="python", fine=True, text=f"{platform.python_version()} on {platform.platform()}")
    yield from map(_package, PACKAGES)
    checks: dict[str, Callable[[], str]] = {
        "processor": _processor,
        "gpu": _gpus,
        "nemo": _nemo,
        "decode cpu": lambda: _decode("cpu"),
        "decode dali": lambda: _decode("dali"),
        "disk": lambda: _disk(folder),
        "hub": _hub,
    }
    for name, check in checks.items():
        yield _found(name, check)


def train_a_little() -> Finding:
    """Prepare a small world and train the tiny model for three steps, through the real parts."""
    return _found("train", _train)


def _found(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, fine=True, text=check())
    except BROKEN as error:
        return Finding(name=name, fine=False, text=(str(error).strip().splitlines() or [type(error).__name__])[0])


def _package(name: str) -> Finding:
    try:
        return Finding(name=name, fine=True, text=version(name))
    except PackageNotFoundError:
        return Finding(name=name, fine=False, text="is not installed")


def _processor() -> str:
    return f"{os.cpu_count()} cores"


def _gpus() -> str:
    import torch

    count = torch.cuda.device_count()
    names = sorted({torch.cuda.get_device_name(index) for index in range(count)})
    return f"{count} of {', '.join(names)}" if count else "none; tiny profiles train on the processor"


def _nemo() -> str:
    from nemo.core import ModelPT
    from nemo.utils import exp_manager

    return f"{ModelPT.__name__} and {exp_manager.__name__.rpartition('.')[2]} can be imported"


def _decode(backend: BackendName) -> str:
    """Write a short video and read it back."""
    import numpy as np

    from cosmos_recipes.data.decode.frames import read_frames
    from cosmos_recipes.data.probe import probe
    from cosmos_recipes.worlds.video import write_video

    frames_THWC = np.linspace(40, 200, 5 * 32 * 48 * 3).reshape(5, 32, 48, 3).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, frames_THWC, 5.0, "vp9")
        backends = {"vp9": backend}
        video_CTHW = read_frames(path, probe(path), range(5), height_px=32, width_px=48, backends=backends)
    error = np.abs(video_CTHW.permute(1, 2, 3, 0).numpy().astype(float) - frames_THWC).mean()
    if error > 4:
        raise RuntimeError(f"decoded frames are wrong: {error:.1f} grey levels off on average")
    return f"{len(frames_THWC)} frames of VP9 read back, {error:.1f} grey levels off"


def _disk(folder: Path) -> str:
    exists = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free_bytes = shutil.disk_usage(exists).free
    if free_bytes < LEAST_FREE_BYTES:
        raise RuntimeError(f"only {free_bytes / 1e9:.1f} GB are free for {folder}")
    return f"{free_bytes / 1e9:.0f} GB free for {folder}"


def _hub() -> str:
    from huggingface_hub import HfApi, get_token

    token = get_token()
    if token is None:
        return "not logged in, which only publishing to the Hub and gated backbones need: hf auth login"
    return f"logged in as {HfApi().whoami(token=token)['name']}"


def _train() -> str:
    from cosmos_recipes.run.opening import open_recipe
    from cosmos_recipes.run.run import run

    opened = open_recipe("factory", overrides=_SMALL)
    with tempfile.TemporaryDirectory() as folder:
        result = run(opened.plan, opened.documents, root=Path(folder), until="train")
    return f"3 steps in {result.train_seconds:.1f} s"


_SMALL = (
    *("train.steps=3", "train.global_batch=2", "train.log_every=1", "train.optimizer.warmup=0"),
    "dataset.use={schema: instruction-video, source: {kind: world, world: factory, episodes: 4, held_out: 1}}",
)
