"""The order of many clips: time of a global batch at a random step, time to the first batch of a resumed run, and memory.

    python benchmarks/order.py [--clips 1000000] [--batch 256] [--steps 200] [--rounds 5] [--write]

Ours computes the clips of a step. The peers lay an epoch out first: numpy's permutation, kept for the epoch, and
torch's RandomSampler, which also has to draw everything that came before the step at which a run is resumed. Each round
takes every one of them once. Memory is the most that Python and numpy held at a time, besides the numbers of the clips
themselves; torch's tensors come on top and are not counted. `--write` keeps the figures in results/order.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, RandomSampler

from cosmos_recipes.data.order import Mixture, SampleOrder

RESULT = Path(__file__).parent / "results" / "order.json"
SHARES = (0.7, 0.25, 0.05)
TARGETS = {"batch_us": 1000.0, "memory_kib": 1024.0}
"""At most, for ours."""

Batch = Callable[[int], Any]


def ours(clips: int, batch: int) -> Batch:
    """One data set."""
    return SampleOrder(np.arange(clips), global_batch=batch, seed=1).batch


def mixed(clips: int, batch: int) -> Batch:
    """Three data sets, mixed by weight."""
    cuts = np.split(np.arange(clips), [clips // 2, clips - clips // 10])
    mixture = Mixture(list(zip(cuts, SHARES, strict=True)))
    return SampleOrder(mixture, global_batch=batch, seed=1).batch


def laid_out(clips: int, batch: int) -> Batch:
    """A permutation of the epoch, drawn anew where a batch is of another epoch than the one before."""
    drawn: dict[int, np.ndarray] = {}

    def of(step: int) -> np.ndarray:
        epoch, place = divmod(step, clips // batch)
        if epoch not in drawn:
            drawn.clear()
            drawn[epoch] = np.random.default_rng([1, epoch]).permutation(clips)
        return drawn[epoch][place * batch : (place + 1) * batch]

    return of


def sampler(clips: int, batch: int) -> Batch:
    """The sampler of torch, moved on to a step of its first epoch."""
    state: dict[str, Any] = {"at": 0}

    def of(step: int) -> list[int]:
        step %= clips // batch
        if "batches" not in state or step < state["at"]:
            chance = torch.Generator().manual_seed(1)
            order = RandomSampler(range(clips), generator=chance)
            state.update(at=0, batches=iter(BatchSampler(order, batch, drop_last=True)))
        found: list[int] = next(islice(state["batches"], step - state["at"], None))
        state["at"] = step + 1
        return found

    return of


WAYS: dict[str, Callable[[int, int], Batch]] = {
    "ours": ours,
    "ours, three data sets": mixed,
    "numpy, epoch laid out": laid_out,
    "torch RandomSampler": sampler,
}


def timed_s(work: Callable[[], object]) -> float:
    """Seconds that work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def memory_kib(batch_of: Batch, steps: list[int]) -> float:
    """The most that is held at a time while batches are made."""
    tracemalloc.start()
    for step in steps:
        batch_of(step)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1024


def measure(way: Callable[[int, int], Batch], clips: int, batch: int, steps: int) -> dict[str, float]:
    """Take one way once: the first batch of a run that is resumed in the middle of an epoch, then the ones after it."""
    first = clips // batch // 2
    batch_of = way(clips, batch)
    resumed_s = timed_s(lambda: batch_of(first))
    after_s = timed_s(lambda: [batch_of(first + 1 + step) for step in range(steps)])
    return {"resume_ms": 1e3 * resumed_s, "batch_us": 1e6 * after_s / steps}


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and largest."""
    found = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cpus": os.cpu_count(),
        "threads": 1,
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
    }


def main() -> int:
    """Measure, print and write the figures; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    for _ in range(given.rounds):
        for name, way in WAYS.items():
            rounds[name].append(measure(way, given.clips, given.batch, given.steps))
    anywhere = random.Random(0).choices(range(given.clips // given.batch), k=3)
    columns: dict[str, Any] = {}
    for name, way in WAYS.items():
        columns[name] = {what: spread([one[what] for one in rounds[name]]) for what in rounds[name][0]}
        columns[name]["memory_kib"] = round(memory_kib(way(given.clips, given.batch), anywhere), 1)
    document = {
        "machine": machine(),
        "clips": given.clips,
        "global_batch": given.batch,
        "steps": given.steps,
        "rounds": given.rounds,
        "targets": TARGETS,
        "columns": columns,
    }
    print(json.dumps(document, indent=2))
    if given.write:
        RESULT.write_text(json.dumps(document, indent=2) + "\n")
    met = [
        columns[name]["batch_us"]["median"] <= TARGETS["batch_us"]
        and columns[name]["memory_kib"] <= TARGETS["memory_kib"]
        for name in ("ours", "ours, three data sets")
    ]
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
