"""Sampling of an autoregressive clip with the keys and values of earlier tokens kept, beside the same without.

    python benchmarks/sampling.py [--clips 8] [--rounds 3] [--write]

The network is that of `tiny-autoregressive` and of its views, with weights at random, on the clip that its recipes have.
Each round samples the same clips both ways, and the tokens must come out the same. `--write` keeps the figures in
results/sampling.json. Exits with 1 if the cache makes a clip less than 20 times faster.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cosmos_recipes.backbones.networks import build_network
from cosmos_recipes.backbones.objectives import TokenSampling
from cosmos_recipes.backbones.tokenizers import build_tokenizer
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.compiler.trained import WorldModelConfig
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.training.autoregressive.generation import complete
from cosmos_recipes.training.chance import Chance
from cosmos_recipes.training.world_model import WorldModel, surroundings

RESULT = Path(__file__).parent / "results" / "sampling.json"
TARGET = 20.0
FRAMES, SIDE = 4, 8
VIEWS = {"one view": (), "four views": ("a", "b", "c", "d")}


def world_model(views: tuple[str, ...]) -> WorldModel:
    """Return a model of the tiny autoregressive backbone that says something."""
    entry = backbone("tiny-autoregressive")
    architecture = entry.architecture.model_dump()
    config = WorldModelConfig(
        head="none",
        text=entry.text.model_dump(),
        objective=entry.objective.model_dump(),
        given_frames=1,
        rate_hz=5.0,
        family="autoregressive",
    )
    network = build_network("autoregressive", architecture, seed=0)
    torch.nn.init.normal_(network.output.weight, std=0.1)
    tokenizer = build_tokenizer(entry.tokenizer)
    none = head("none").build(surroundings(config, architecture, tokenizer))
    return WorldModel(replace(config, views=views), transformer=network, tokenizer=tokenizer, head=none).eval()


@torch.no_grad()
def sampled(model: WorldModel, clips: int, *, cached: bool) -> tuple[float, torch.Tensor]:
    """Return the seconds of sampling and the tokens; the first latent frame of each view is given."""
    views = model.view_count
    latent = torch.zeros(clips, 1, views * FRAMES, SIDE, SIDE, dtype=torch.long)
    known_L = (torch.arange(views * FRAMES) % FRAMES == 0).repeat_interleave(SIDE * SIDE)
    began_s = time.perf_counter()
    chance = Chance((number,) for number in range(clips))
    token_BL = complete(
        model, latent, known_L, [model.null(clips)], sampling=TokenSampling(), guidance=1, chance=chance, cached=cached
    )
    return time.perf_counter() - began_s, token_BL


def ratios(model: WorldModel, *, clips: int, rounds: int) -> dict[str, float]:
    """Return the medians over the rounds, which sample both ways in turn."""
    sampled(model, clips, cached=True)
    kept, again = [], []
    for _ in range(rounds):
        with_s, ours = sampled(model, clips, cached=True)
        without_s, theirs = sampled(model, clips, cached=False)
        if not torch.equal(ours, theirs):
            sys.exit("the cache changed what was sampled")
        kept.append(with_s)
        again.append(without_s)
    ratio = statistics.median(without_s / with_s for with_s, without_s in zip(kept, again, strict=True))
    return {
        "with_s": round(statistics.median(kept), 3),
        "without_s": round(statistics.median(again), 3),
        "ratio": round(ratio, 1),
    }


def main() -> int:
    """Measure and print; 1 below the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for name, views in VIEWS.items():
        found[name] = ratios(world_model(views), clips=given.clips, rounds=given.rounds)
        print(f"{name}: {found[name]['ratio']} times as fast ({found[name]['with_s']} s, {found[name]['without_s']} s)")
    machine = {"cpus": os.cpu_count(), "architecture": platform.machine(), "torch": torch.__version__}
    if given.write:
        document = {
            "machine": machine,
            "clips": given.clips,
            "rounds": given.rounds,
            "target": TARGET,
            "sampling": found,
        }
        RESULT.write_text(json.dumps(document, indent=2) + "\n")
    return int(any(each["ratio"] < TARGET for each in found.values()))


if __name__ == "__main__":
    sys.exit(main())
