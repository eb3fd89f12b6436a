"""How many clips a second are indexed: recordings bound, clips cut, their numbers computed, tables written.

    python benchmarks/indexing.py [--recordings 200] [--rows 500] [--rounds 5] [--against FOLDER] [--write]

The data sets are those of benchmarks/check.py; a clip has 13 frames and begins where the one before ends, or, where
clips overlap, 2 frames later. All recordings have one video, which is opened once: what media take, benchmarks/data.py
measures. Figures are medians over rounds, the spread their least and largest, by the clock and by the time of the
processor, which others that use the machine change less; each round takes every data set once, and with `--against` once
more with the version of the package in that folder, such as `git archive` writes it. `--write` keeps them in
results/indexing.json.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from beside import measured
from check import CLIP, COLUMNS, RATE_HZ, recordings

from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.index import IndexedSet, build_index
from cosmos_recipes.worlds.video import write_video

TARGET_CLIPS_PER_S = 1_000_000 / 300
"""A million clips in five minutes."""
STRIDES = {"": CLIP.stride, ", overlapping": 2}


def once(count: int, rows: int) -> dict[str, dict[str, float]]:
    """Clips a second of each data set."""
    rates: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        video = folder / "video.mp4"
        write_video(video, np.zeros((rows, 16, 16, 3), np.uint8), RATE_HZ, "h264")
        for schema in COLUMNS:
            rates[schema] = {}
            for how, stride in STRIDES.items():
                found = recordings(schema, video, count, rows)
                indexed(schema, found[:11], stride, folder)
                began_s, began_cpu_s = time.perf_counter(), time.process_time()
                clips = indexed(schema, found, stride, folder)
                rates[schema][f"clips{how}"] = clips / (time.perf_counter() - began_s)
                rates[schema][f"by CPU{how}"] = clips / (time.process_time() - began_cpu_s)
    return rates


def indexed(schema: str, found: list[Any], stride: int, folder: Path) -> int:
    """Index once; returns how many clips there are."""
    use = {"schema": schema, "source": {"kind": "folder", "path": "."}, "columns": COLUMNS[schema]}
    own = IndexedSet.of(load_dataset(use, relative_to=Path()), found)
    report = build_index(
        [own],
        replace(CLIP, stride=stride),
        folder,
        captions_needed=False,
        limit=None,
        progress=lambda what, done, total: None,
    )
    assert not report.problems
    return sum(report.clips.values())


if __name__ == "__main__":
    sys.exit(
        measured(
            __file__,
            __doc__,
            once,
            recordings=200,
            unit="clips_per_s",
            judged="clips",
            target=TARGET_CLIPS_PER_S,
        )
    )
