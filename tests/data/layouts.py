"""One small data set in the layout of each kind of source."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import webdataset
from lerobot_trees import write_packed
from scenes import write_scene
from videos import write_video

from cosmos_recipes.worlds.writer import write_world

FRAMES = 4
POSES = np.eye(4)[None].repeat(FRAMES, 0)
_ROW = "0.5 0.9 0.5 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 0"


def realestate10k(root: Path) -> None:
    write_video(root / "videos" / "aa.mp4", frames=FRAMES)
    rows = [f"{frame * 100_000} {_ROW}" for frame in range(FRAMES)]
    (root / "aa.txt").write_text("\n".join(["https://www.youtube.com/watch?v=aa", *rows]))
    (root / "LICENSE").write_text("Creative Commons\n\nAttribution 4.0 International\n")


def cosmos(root: Path) -> None:
    (root / "camera_trajectories").mkdir(parents=True)
    write_video(root / "videos" / "a.mp4", frames=FRAMES)
    (root / "camera_trajectories" / "a.txt").write_text("1 0 0 0 0 1 0 0 0 0 1 0\n" * FRAMES)
    (root / "intrinsics_focal525.txt").write_text("60 0 48\n0 60 32\n0 0 1\n")


def shards(root: Path) -> None:
    clip = write_video(root.parent / "clip.mp4", frames=FRAMES).read_bytes()
    root.mkdir()
    with webdataset.TarWriter(str(root / "train-000.tar")) as shard:
        for number in range(2):
            row = {"ego_pose": POSES.tolist(), "speed": [1.0] * FRAMES}
            shard.write({"__key__": f"{number}", "front.mp4": clip, "rear.mp4": clip, "txt": "words", "json": row})


def table(root: Path) -> None:
    for number in range(3):
        write_video(root / "videos" / f"{number}.mp4", frames=FRAMES)
    rows = {
        "uuid": ["a", "b", "c"],
        "split": ["train", "val", "train"],
        "clip": [f"videos/{number}.mp4" for number in range(3)],
        "caption": ["x", "y", "z"],
        "actions": [[[0.0, 1.0]] * FRAMES] * 3,
        "time_s": [[0.1 * frame for frame in range(FRAMES)]] * 3,
    }
    (root / "tables").mkdir()
    pq.write_table(pa.table(rows), root / "tables" / "rows.parquet")


def hub(root: Path) -> None:
    for split in ("train", "test"):
        write_video(root / split / "0.mp4", frames=FRAMES)
        row = {"file_name": "0.mp4", "caption": split, "action": [[0.0, 1.0]] * FRAMES}
        (root / split / "metadata.jsonl").write_text(json.dumps(row))
    (root / "README.md").write_text("---\nlicense: CC-BY-4.0\n---\n# Clips\n")


def views(root: Path) -> None:
    for take in (0, 1):
        for view in ("front", "wrist"):
            write_video(root / f"take{take}_{view}.mp4", frames=FRAMES)
        (root / f"take{take}_front.txt").write_text("a part falls")


def world(name: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        form = {"frames": 17, "rate_hz": 5.0, "height_px": 16, "width_px": 16}
        write_world(root, world=name, episodes=1, held_out=1, seed=3, **form)

    return write


LAYOUTS: dict[str, Callable[[Path], object]] = {
    "cosmos": cosmos,
    "folder": views,
    "hub": hub,
    "lerobot": write_packed,
    "nerfstudio": write_scene,
    "parquet": table,
    "realestate10k": realestate10k,
    "webdataset": shards,
    "world": world("road"),
}
