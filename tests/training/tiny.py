"""A plan that trains in a second or two, and a prepared folder made of real videos by the package's own code."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from cosmos_recipes.backbones.tokenizers import build_tokenizer
from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import Declaration
from cosmos_recipes.data.cache import Cache
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.encoding import Encoder, write_latents
from cosmos_recipes.data.index import ClipIndex, ClipSpec, IndexedSet, build_index
from cosmos_recipes.data.latents import ClipReader
from cosmos_recipes.data.sources.base import Media, Recording

CLIP = ClipSpec(frames=5, rate_hz=5.0, height_px=32, width_px=32, stride=5)
ARCHITECTURE = {
    "in_channels": 9,
    "out_channels": 8,
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "num_layers": 2,
    "text_embed_dim": 16,
    "adaln_lora_dim": 8,
    "max_size": (8, 16, 16),
    "patch_size": (1, 1, 1),
    "rope_scale": (1.0, 1.0, 1.0),
    "concat_padding_mask": False,
    "extra_pos_embed_type": None,
}


TOKENS = {
    "family": "autoregressive",
    "architecture": {
        "hidden_size": 32,
        "num_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "attention_head_dim": 16,
        "intermediate_size": 48,
        "vocabulary": 32,
        "embedded_tokens": 40,
        "begin_token": 32,
        "text_embed_dim": 16,
        "position": "sincos",
    },
    "tokenizer": {"name": "kmeans", "temporal": 4, "spatial": 8, "channels": 1, "settings": {"codes": 32}},
    "objective": {"name": "next-token"},
}
"""What a plan says of an autoregressive backbone."""


def tiny_plan(
    *,
    family: str = "diffusion",
    train: Mapping[str, Any] | None = None,
    optimizer: Mapping[str, Any] | None = None,
    every: int = 0,
    head: str = "text",
    objective: Mapping[str, Any] | None = None,
    base: Path | None = None,
) -> Plan:
    """Return a plan of 14 steps in fp32, a checkpoint every 4 and a log line every step; `train` changes it.

    With the folder of a `base`, it starts there and trains adapters.
    """
    training = {
        "method": "full",
        "lora_rank": None,
        "lora_alpha": None,
        "steps": 14,
        "global_batch": 4,
        "micro_batch": 4,
        "accumulate": 1,
        "optimizer": {
            "name": "muon",
            "lr": 3e-3,
            "warmup": 3,
            "decay": "cosine",
            "weight_decay": 0.01,
            **(optimizer or {}),
        },
        "precision": "fp32",
        "ema": None,
        "checkpoint_every": 4,
        "keep_checkpoints": 2,
        "log_every": 1,
        "tensorboard": False,
        **({"method": "lora", "lora_rank": 4, "lora_alpha": 8} if base else {}),
        **(train or {}),
    }
    tokenizer = {"name": "pca", "temporal": 4, "spatial": 8, "channels": 8}
    text = {"encoder": "bytes", "length": 16, "width": 16}
    objective = objective or {"name": "rectified-flow", "shift": 5.0, "settings": {"timestep_scale": 1000.0}}
    backbone = {
        **{
            "name": "tiny",
            "family": "diffusion",
            "hub_id": None,
            "revision": None,
            "weights": str(base) if base else None,
            "weights_sha256": Weights(label=str(base)).sha256() if base else None,
            "licence": "apache-2.0",
        },
        **{"architecture": ARCHITECTURE, "tokenizer": tokenizer, "text": text, "objective": objective, "parameters": 0},
    }
    if family == "autoregressive":
        said = {**TOKENS, "objective": objective} if objective["name"] == "next-token" else TOKENS
        backbone = {**backbone, **said}
    clip = {
        **{
            "frames": 5,
            "rate_hz": 5.0,
            "height_px": 32,
            "width_px": 32,
            "stride": 5,
            "given_frames": 1,
            "fewest_given_frames": 1,
        },
        **{"latent_frames": 2, "latent_height": 4, "latent_width": 4, "given_latent_frames": 1, "tokens": 32},
    }
    data = {
        **{"schema_name": "instruction-video", "name": "tiny", "source": {}, "columns": {}, "splits": {}},
        **{"licence": "cc0-1.0", "revision": None, "limit": None, "clip": clip},
        "decode": {"requested": "cpu", "backends": {}, "reason": ""},
    }
    hardware = {
        "accelerator": "cpu",
        "gpu": None,
        "nodes": 1,
        "devices": 1,
        "strategy": "single",
    }
    sizes = ("weights", "gradients", "optimizer", "activations", "total")
    fit = {
        **{f"{size}_bytes": 0 for size in sizes},
        "available_bytes": None,
        "flops_per_step": 0,
        "seconds_per_step": None,
    }
    return Plan.model_validate(
        {
            **{"recipe": "tiny", "summary": "", "profile": None, "task": "instruction", "seed": 3},
            **{"backbone": backbone, "data": data, "conditioning": {"head": head, "dropout": 0.3}, "train": training},
            "evaluate": {"clips": 3, "every": every, "sampler_steps": 2, "guidance": 1.0, "samples": 1},
            **{"gate": {}, "publish": {"repo": "local", "public": False}, "hardware": hardware, "fit": fit},
        }
    )


def write_base(folder: Path, prepared: Path, *, head: str = "none") -> Path:
    """Write a model that predicts something, as a pretrained one does, and return its folder."""
    from cosmos_recipes.training.world_model import WorldModel

    model = WorldModel.build(tiny_plan(head=head), tokenizer=prepared / "tokenizer")
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if not parameter.any():
            parameter.data.normal_(std=0.1, generator=generator)
    model.save_pretrained(folder)
    return folder


def prepare(folder: Path, *, family: str = "diffusion") -> None:
    """Write an index, a fitted tokenizer and latents of twelve little videos into `folder`."""
    recordings = [
        Recording(
            name=f"video-{number:02d}",
            split="train" if number < 9 else "held-out",
            views={"video": Media(path=_video(folder / "videos" / f"video-{number:02d}.mkv", number))},
            values={"caption": f"{number}: a square"},
        )
        for number in range(12)
    ]
    binding = Binding(Declaration(schema=load_schema("instruction-video")))
    own = IndexedSet(name="tiny", recordings=recordings, binding=binding)
    build_index([own], CLIP, folder, captions_needed=True, limit=None, progress=_quiet)
    index = ClipIndex(folder)
    reader = ClipReader(index, CLIP, {"mjpeg": "cpu"})
    clips = [*index.ids("train").tolist(), *index.ids("held-out").tolist()]
    built = build_tokenizer(tiny_plan(family=family).backbone.tokenizer)
    tokenizer = built.fit(reader.read([clip]).flatten(0, 1) for clip in clips)
    tokenizer.save_pretrained(folder / "tokenizer")
    encoder = Encoder.saved(tokenizer, folder / "tokenizer")
    write_latents(folder / "latents", reader, clips, encoder, Cache(folder / "cache"), _quiet)


def run_training(plan: Plan, run: Path, prepared: Path, **options: Any) -> subprocess.Popen[str]:
    """Start training in a process of its own, as a command line would; its output is in `run/output.txt`."""
    run.mkdir(parents=True, exist_ok=True)
    (run / "plan.json").write_text(plan.model_dump_json())
    code = (
        "import sys, pathlib, json; from cosmos_recipes.compiler.plan import Plan; from cosmos_recipes.launch.local import train\n"
        "run, prepared = map(pathlib.Path, sys.argv[1:3])\n"
        "plan = Plan.model_validate_json((run / 'plan.json').read_text())\n"
        "from cosmos_recipes.diagnostics import RecipeError, render\n"
        "try:\n"
        "    print(train(plan, run, prepared, **json.loads(sys.argv[3])))\n"
        "except RecipeError as error:\n"
        "    print(render(error.problems))\n"
        "    sys.exit(error.exit_code)\n"
    )
    command = [sys.executable, "-c", code, str(run), str(prepared), json.dumps(options)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    with (run / "output.txt").open("a") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, text=True)


def wait_for_step(run: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Wait until a step is in the log, or the process has ended."""
    while process.poll() is None and not any(line["step"] >= step for line in lines(run)):
        time.sleep(0.01)


def processes_of(run: Path) -> list[int]:
    """Return the processes that train in this folder."""
    found = subprocess.run(["pgrep", "-f", str(run)], capture_output=True, text=True).stdout.split()
    return [int(number) for number in found if int(number) != os.getpid()]


def process_of(run: Path, rank: int) -> int:
    """Return the process of a rank."""
    (number,) = (number for number in processes_of(run) if _rank_of(number) == rank)
    return number


def _rank_of(number: int) -> int | None:
    variables = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
    return next((int(variable[5:]) for variable in variables if variable.startswith(b"RANK=")), None)


def weights_hash(run: Path) -> str:
    """Return the sha256 of every file of the trained model."""
    files = sorted(path for path in (run / "train" / "model").rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def lines(run: Path) -> list[dict[str, Any]]:
    """Return the lines of the log that are of steps."""
    return [line for line in log(run) if "step" in line]


def log(run: Path) -> list[dict[str, Any]]:
    """Return the lines of the log."""
    path = run / "log.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def consumed(run: Path) -> bytes:
    """Return the log of consumed clips."""
    return (run / "train" / "samples.parquet").read_bytes()


def losses(run: Path) -> list[float]:
    """Return the loss of every step."""
    return [line["loss"] for line in lines(run)]


def _video(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=5)
        stream.height = stream.width = 32
        stream.pix_fmt = "yuvj420p"
        for moment in range(15):
            picture = np.random.default_rng(number).integers(0, 60, (32, 32, 3), np.uint8)
            picture[8:16, (2 * moment + number) % 24 :][:, :8] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def _quiet(what: str, done: int, total: int) -> None:
    """Say nothing."""
