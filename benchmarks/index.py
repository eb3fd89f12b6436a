"""An index of many clips: time to open it, memory of a process, time of a row at random, beside a Parquet table and a list.

    python benchmarks/index.py [--clips 1000000] [--rows 20000] [--rounds 3] [--write]

Ours is a prepared folder's `ClipIndex`, every row with its names, frames and columns of numbers. The peer is what is
usually done: the same columns as a Parquet file, read whole and taken row by row. Each round opens both in a process of
its own. Memory is the process's own (unique set size) after the rows were read, the libraries included, and what of it
came from opening. `--write` keeps the figures in results/index.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cosmos_recipes.data.binding.bind import BoundRecording
from cosmos_recipes.data.index.tables import Clip, open_table, write_clips, write_recordings
from cosmos_recipes.data.recording import Media

RESULT = Path(__file__).parent / "results" / "index.json"
CLIPS_EACH, FRAMES = 5, 13
TARGETS = {"open_s": 1.0, "memory_mib": 200.0, "row_us": 50.0}
"""At most, for ours."""
LOOK = """
import json, sys, time
from pathlib import Path
import numpy as np
import pyarrow, pyarrow.parquet
folder, way, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
from cosmos_recipes.data.index import ClipIndex
def own_mib():
    kept = [line.split() for line in open("/proc/self/smaps_rollup")][1:]
    return sum(int(line[1]) for line in kept if line[0] in ("Private_Clean:", "Private_Dirty:")) / 1024
before = own_mib()
began = time.perf_counter()
if way == "ours":
    index = ClipIndex(folder)
    count, row = len(index), index.row
    index.recording_of
    index.ids("train")
else:
    table = pyarrow.parquet.read_table(folder / "clips.parquet")
    count, row = table.num_rows, lambda number: table.slice(number, 1).to_pylist()[0]
opened = time.perf_counter() - began
numbers = np.random.default_rng(0).integers(0, count, rows).tolist()
row(numbers[0])
began = time.perf_counter()
for number in numbers:
    row(number)
taken = time.perf_counter() - began
print(json.dumps({"open_s": opened, "row_us": 1e6 * taken / rows, "memory_mib": own_mib(), "opened_mib": own_mib() - before}))
"""


def write(folder: Path, clips: int) -> None:
    """Write an index of an arm's clips: frames, actions and states of each."""
    recordings = [
        BoundRecording(
            name=f"episode-{number:07d}",
            split="train",
            views={"video": Media(path=Path("a.mp4"))},
            texts={"caption": f"the arm puts part {number} into the bin"},
            values={},
            times_s=None,
        )
        for number in range(-(-clips // CLIPS_EACH))
    ]
    write_recordings(folder / "recordings.arrow", recordings, ["caption"])
    write_clips(folder / "clips.arrow", _clips(clips))
    pq.write_table(open_table(folder / "clips.arrow"), folder / "clips.parquet")


def _clips(count: int) -> Iterator[Clip]:
    action, state = np.zeros((FRAMES - 1, 7), np.float32), np.zeros((FRAMES, 8), np.float32)
    for number in range(count):
        yield Clip(
            recording=number // CLIPS_EACH,
            part=0,
            split="held-out" if number % 10 == 0 else "train",
            frames_VT=np.arange(FRAMES, dtype=np.int32)[None] + FRAMES * (number % CLIPS_EACH),
            columns={"action": action + number, "state": state + number},
        )


def look(folder: Path, way: str, rows: int) -> dict[str, float]:
    """Open an index in a process of its own and read rows of it."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(folder), way, str(rows)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and largest."""
    found = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def main() -> int:
    """Measure, print and write the figures; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {"ours": [], "parquet": []}
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        write(folder, given.clips)
        for _ in range(given.rounds):
            for way, found in rounds.items():
                found.append(look(folder, way, given.rows))
        size_mib = (folder / "clips.arrow").stat().st_size / 2**20
    columns = {way: {what: spread([one[what] for one in found]) for what in found[0]} for way, found in rounds.items()}
    document: dict[str, Any] = {
        "machine": {
            "cpus": os.cpu_count(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
            "pyarrow": pa.__version__,
        },
        "clips": given.clips,
        "file_mib": round(size_mib, 1),
        "rows": given.rows,
        "rounds": given.rounds,
        "targets": TARGETS,
        "columns": columns,
    }
    print(json.dumps(document, indent=2))
    if given.write:
        RESULT.write_text(json.dumps(document, indent=2) + "\n")
    return int(any(columns["ours"][name]["median"] > most for name, most in TARGETS.items()))


if __name__ == "__main__":
    sys.exit(main())
