"""LeRobot data sets as its own tools lay them out: v2.1 with a file for each episode, v3.0 with many in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from videos import write_video

RATE_HZ = 10
CAMERAS = ("observation.images.top", "observation.images.wrist")
LENGTHS = (9, 7, 12, 8)
TASKS = ("pick up the part", "put it down")
DATA_FILES = ((0, 0), (0, 0), (0, 1), (1, 0))
"""Chunk and file of each episode's rows in v3.0."""
VIDEO_FILES = {CAMERAS[0]: ((0, 0), (0, 0), (0, 0), (1, 0)), CAMERAS[1]: ((0, 0), (0, 1), (0, 1), (0, 1))}
_BOOKKEEPING = ("frame_index", "episode_index", "index", "task_index")


def features() -> dict[str, Any]:
    """Return what `info.json` says of the columns; names stand there in each of the forms that tools write."""
    plain = {name: {"dtype": "int64", "shape": [1], "names": None} for name in _BOOKKEEPING}
    video = {"dtype": "video", "shape": [64, 96, 3], "names": ["height", "width", "channels"]}
    return {
        "observation.state": {"dtype": "float32", "shape": [3], "names": [["shoulder", "elbow", "hand"]]},
        "action": {"dtype": "float32", "shape": [2], "names": {"motors": ["left", "right"]}},
        "gripper": {"dtype": "float32", "shape": [1], "names": {"close": 0}},
        "turn": {"dtype": "float32", "shape": [2, 2], "names": None},
        "said": {"dtype": "string", "shape": [1], "names": None},
        **dict.fromkeys(CAMERAS, video),
        "timestamp": {"dtype": "float32", "shape": [1], "names": None},
        **plain,
    }


def rows(episode: int, tasks: list[int]) -> pa.Table:
    """Return the rows of an episode; every number says which episode and which frame it belongs to."""
    length = len(tasks)
    frames = np.arange(length)
    numbers = (100 * episode + frames).astype(np.float32)
    wide = pa.array(np.repeat(numbers, 3))
    columns = {
        "observation.state": pa.FixedSizeListArray.from_arrays(wide, 3),
        "action": pa.FixedSizeListArray.from_arrays(pa.array(np.repeat(numbers, 2)), 2),
        "gripper": pa.array(numbers),
        "turn": pa.array([[[float(n), 0.0], [0.0, 1.0]] for n in numbers], pa.list_(pa.list_(pa.float32()))),
        "said": pa.array([f"frame {frame}" for frame in frames]),
        "timestamp": pa.array((frames / RATE_HZ).astype(np.float32)),
        "frame_index": pa.array(frames),
        "episode_index": pa.array(np.full(length, episode)),
        "index": pa.array(sum(LENGTHS[:episode]) + frames),
        "task_index": pa.array(tasks),
    }
    return pa.table(columns)


def tasks_of(episode: int) -> list[int]:
    """Return the task of each row; the third episode changes from the second task to the first."""
    length = LENGTHS[episode]
    return [1] * 5 + [0] * (length - 5) if episode == 2 else [episode % 2] * length


def write_info(root: Path, version: str, **changes: Any) -> None:
    """Write `info.json` for a version."""
    packed = version == "v3.0"
    file = "chunk-{chunk_index:03d}/file-{file_index:03d}" if packed else "episode_{episode_index:06d}"
    chunk = "" if packed else "chunk-{episode_chunk:03d}/"
    info = {
        "codebase_version": version,
        "robot_type": "arm",
        "total_episodes": 100,
        "chunks_size": 1000 if packed else 3,
        "fps": RATE_HZ,
        "splits": {"train": "0:100"},
        "data_path": f"data/{chunk}{file}.parquet",
        "video_path": f"videos/{{video_key}}/{file}.mp4" if packed else f"videos/{chunk}{{video_key}}/{file}.mp4",
        "features": features(),
    }
    (root / "meta").mkdir(parents=True, exist_ok=True)
    (root / "meta" / "info.json").write_text(json.dumps({**info, **changes}, indent=4))


def write_single(root: Path, **changes: Any) -> Path:
    """Write a v2.1 tree of two chunks."""
    write_info(root, "v2.1", **changes)
    lines = []
    for episode, length in enumerate(LENGTHS):
        chunk, tasks = f"chunk-{episode // 3:03d}", tasks_of(episode)
        for camera in CAMERAS:
            write_video(root / "videos" / chunk / camera / f"episode_{episode:06d}.mp4", frames=length)
        path = root / "data" / chunk / f"episode_{episode:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows(episode, tasks), path)
        texts = sorted({TASKS[task] for task in tasks})
        lines.append({"episode_index": episode, "tasks": texts, "length": length})
    _write_lines(root / "meta" / "episodes.jsonl", lines)
    write_task_lines(root)
    return root


def write_packed(root: Path, *, codec: str = "h264", **changes: Any) -> Path:
    """Write a v3.0 tree: videos are encoded one by one and joined without encoding them again, as LeRobot does."""
    write_info(root, "v3.0", **changes)
    spans = {camera: _write_joined(root, camera, codec) for camera in CAMERAS}
    for place in sorted(set(DATA_FILES)):
        parts = [rows(episode, tasks_of(episode)) for episode, own in enumerate(DATA_FILES) if own == place]
        pq.write_table(pa.concat_tables(parts), _made(root / "data", place, "parquet"))
    table = []
    for episode, length in enumerate(LENGTHS):
        row = {
            "episode_index": episode,
            "tasks": sorted({TASKS[task] for task in tasks_of(episode)}),
            "length": length,
            **_numbered("data", DATA_FILES[episode]),
            "dataset_from_index": sum(LENGTHS[:episode]),
            "dataset_to_index": sum(LENGTHS[: episode + 1]),
            "stats/action/mean": [0.0, 0.0],
            **_numbered("meta/episodes", (0, episode // 3)),
        }
        for camera in CAMERAS:
            row |= _numbered(f"videos/{camera}", VIDEO_FILES[camera][episode])
            row |= dict(
                zip(_keys(camera, "from_timestamp", "to_timestamp"), spans[camera][episode], strict=True),
            )
        table.append(row)
    for file in (0, 1):
        part = [row for row in table if row["meta/episodes/file_index"] == file]
        pq.write_table(pa.Table.from_pylist(part), _made(root / "meta" / "episodes", (0, file), "parquet"))
    pd.DataFrame({"task_index": [0, 1]}, index=list(TASKS)).to_parquet(root / "meta" / "tasks.parquet")
    return root


def write_task_lines(root: Path) -> None:
    """Write `tasks.jsonl`, which is v2.1's, and which some tools write in v3.0 too."""
    _write_lines(root / "meta" / "tasks.jsonl", [{"task_index": k, "task": task} for k, task in enumerate(TASKS)])


def _write_joined(root: Path, camera: str, codec: str) -> list[tuple[float, float]]:
    """Write the files of a camera; return from where to where each episode lies in its file, in seconds."""
    spans = []
    for place in sorted(set(VIDEO_FILES[camera])):
        parts, end_s = [], 0.0
        for episode, own in enumerate(VIDEO_FILES[camera]):
            if own == place:
                part = root / "images" / f"{episode}.mp4"
                parts.append(write_video(part, codec=codec, frames=LENGTHS[episode], gop=2))
                spans.append((end_s, end_s + _duration_s(part)))
                end_s = spans[-1][1]
        _join(parts, _made(root / "videos" / camera, place, "mp4"))
    return spans


def _join(parts: list[Path], path: Path) -> None:
    listing = parts[0].with_name("parts.txt")
    listing.write_text("".join(f"file '{part}'\n" for part in parts))
    with av.open(str(listing), format="concat", options={"safe": "0"}) as there, av.open(str(path), "w") as here:
        stream = there.streams.video[0]
        copy = here.add_stream_from_template(stream, opaque=True)
        copy.time_base = stream.time_base
        for packet in there.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                here.mux(packet)


def _duration_s(path: Path) -> float:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return float(stream.duration * stream.time_base)


def _made(folder: Path, place: tuple[int, int], suffix: str) -> Path:
    path = folder / f"chunk-{place[0]:03d}" / f"file-{place[1]:03d}.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _keys(camera: str, *names: str) -> list[str]:
    return [f"videos/{camera}/{name}" for name in names]


def _numbered(of: str, place: tuple[int, int]) -> dict[str, int]:
    return dict(zip((f"{of}/chunk_index", f"{of}/file_index"), place, strict=True))


def _write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
