"""How many rows a second `data check` looks at without decoding, in one run.

    python benchmarks/check.py [--recordings 400] [--rows 500] [--rounds 5] [--against FOLDER] [--write]

Data sets are made in memory: actions of seven numbers with states, a moving camera with intrinsics, a vehicle's poses,
all with captions. `rules` is what the rules take, over all rows, names and texts; `all` is the whole check with
`--decode none`: values are bound and brought into canonical form, clips are cut, and then the rules; once by the clock,
once by the time of the processor, which others that use the machine change less. All recordings have one video, which is
opened once: what media take, benchmarks/data.py measures. Figures are medians over rounds, the spread their least and
largest; each round takes every data set once, and with `--against` once more with the version of the package in that
folder, such as `git archive` writes it. `--write` keeps them in results/check.json.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from beside import measured

from cosmos_recipes.data.checks import CheckReport, check_recordings
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.geometry.poses import invert
from cosmos_recipes.data.geometry.rotations import from_axis_angle
from cosmos_recipes.data.index import ClipSpec
from cosmos_recipes.data.recording import Media, Recording
from cosmos_recipes.worlds.video import write_video

TARGET_ROWS_PER_S = 200_000
JUDGED = "all, by CPU"
"""What one core does alone: on a machine that others use, the clock measures them."""
RATE_HZ = 10
CLIP = ClipSpec(frames=13, rate_hz=RATE_HZ, height_px=16, width_px=16, stride=13)
UNITS = ["m", "m", "m", "rad", "rad", "rad", "1"]
LENS = {"intrinsics": {"from": "intrinsics", "convention": "canonical"}}
COLUMNS: dict[str, dict[str, Any]] = {
    "action-frame": {
        "action": {"from": "action", "unit": UNITS, "form": ["delta"] * 6 + ["absolute"]},
        "state": {"from": "state", "unit": UNITS},
    },
    "pose": {"pose": {"from": "pose", "convention": "canonical"}, **LENS},
    "trajectory": {"trajectory": {"from": "ego", "convention": "canonical-ego", "points": 20}, **LENS},
}


def values(number: int, rows: int, schema: str) -> dict[str, Any]:
    """What one recording says: smooth random motion."""
    rng = np.random.default_rng(number)
    state = np.cumsum(np.cumsum(rng.normal(0, 1e-4, (rows + 1, 7)), axis=0), axis=0)
    pose_44 = np.tile(np.eye(4), (rows, 1, 1))
    pose_44[:, :3, :3] = from_axis_angle(state[:rows, 3:6])
    pose_44[:, :3, 3] = state[:rows, :3] + np.outer(np.arange(rows), [0.8, 0, 0])
    every: dict[str, dict[str, Any]] = {
        "action-frame": {"action": np.diff(state, axis=0), "state": state[:rows]},
        "pose": {"pose": invert(pose_44), "intrinsics": np.array([0.8, 0.8, 0.5, 0.5])},
        "trajectory": {"ego": pose_44, "intrinsics": np.tile([0.8, 0.8, 0.5, 0.5], (1, 1))},
    }
    return {"caption": f"The arm does what is number {number}.", **every[schema]}


def recordings(schema: str, video: Path, count: int, rows: int) -> list[Recording]:
    """Recordings that share one video."""
    splits: list[Any] = ["held-out" if number % 10 == 0 else "train" for number in range(count)]
    media = Media(path=video)
    return [
        Recording(name=f"{number}", split=splits[number], views={"video": media}, values=values(number, rows, schema))
        for number in range(count)
    ]


def checked(schema: str, found: list[Recording]) -> CheckReport:
    """Check once."""
    use = {"schema": schema, "source": {"kind": "folder", "path": "."}, "columns": COLUMNS[schema]}
    dataset = load_dataset(use, relative_to=Path())
    report = check_recordings(dataset, found, CLIP, decode="none", progress=lambda *_: None)
    assert not report.broken, report.broken[0].examples[:1]
    return report


def once(count: int, rows: int) -> dict[str, dict[str, float]]:
    """Rows a second of each data set: of the rules, of everything, and of everything by the processor's time."""
    rates: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "video.mp4"
        write_video(video, np.zeros((rows, 16, 16, 3), np.uint8), RATE_HZ, "h264")
        for schema in COLUMNS:
            found = recordings(schema, video, count, rows)
            checked(schema, found[:8])
            began_s = time.process_time()
            report = checked(schema, found)
            cpu_s = time.process_time() - began_s
            rates[schema] = {what: report.rows / seconds for what, seconds in report.seconds.items()}
            rates[schema][JUDGED] = report.rows / cpu_s
    return rates


if __name__ == "__main__":
    sys.exit(
        measured(__file__, __doc__, once, recordings=400, unit="rows_per_s", judged=JUDGED, target=TARGET_ROWS_PER_S)
    )
