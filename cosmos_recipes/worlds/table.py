"""The ground truth of a world as a Parquet table: one row per episode, per-frame lists, units in the names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

    from cosmos_recipes.worlds.factory import Episode

METADATA_KEY = b"cosmos_recipes.world"
"""Key of the schema's metadata; its value is JSON with `settings`, `camera` and `notes`."""

NOTES = {
    "scene": "frame of reference: origin on the belt's surface below the arm's mount, x right, y up, in metres",
    "time": "frame k is at k / rate_hz seconds; the per-frame lists have num_frames entries",
    "gripper_xy_m": "the point between the finger tips, in the scene",
    "grip": "0 fingers open, 1 closed on a part",
    "joint_shoulder_elbow_rad": "shoulder counter-clockwise from +x, then elbow relative to the upper arm",
    "action_dx_m_dy_m_grip": "step from frame k to k + 1: move of the gripper and the grip reached; the last leads past the end",
    "belt_m": "how far the belt has run; belt_speed_m_s is constant",
    "parts": "xy_m is the part's centre in the scene; state is belt, held, falling or bin; the target is the part named in the caption",
    "camera": "orthographic: u = centre_u_px + pixels_per_metre * x, v = centre_v_px - pixels_per_metre * y; pixel (0, 0) covers 0 to 1",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One episode and where its video is, relative to the table's folder."""

    episode_id: str
    split: str
    video: str
    episode: Episode


def schema(metadata: Mapping[str, Any]) -> pyarrow.Schema:
    """Return the table's columns; `metadata` is stored as JSON, with the notes on units and frames added."""
    import pyarrow as pa

    pair, triple = pa.list_(pa.float64(), 2), pa.list_(pa.float64(), 3)
    part = [
        ("colour", pa.string()),
        ("shape", pa.string()),
        ("is_target", pa.bool_()),
        ("xy_m", pa.list_(pair)),
        ("state", pa.list_(pa.string())),
    ]
    columns = [
        *((name, pa.string()) for name in ("episode_id", "split", "video", "caption")),
        ("rate_hz", pa.float64()),
        ("num_frames", pa.int32()),
        ("seed", pa.int64()),
        ("target_bin", pa.string()),
        ("belt_speed_m_s", pa.float64()),
        ("time_s", pa.list_(pa.float64())),
        ("belt_m", pa.list_(pa.float64())),
        ("gripper_xy_m", pa.list_(pair)),
        ("grip", pa.list_(pa.float64())),
        ("joint_shoulder_elbow_rad", pa.list_(pair)),
        ("action_dx_m_dy_m_grip", pa.list_(triple)),
        ("parts", pa.list_(pa.struct(part))),
    ]
    return pa.schema(columns, metadata={METADATA_KEY: json.dumps({**metadata, "notes": NOTES}, sort_keys=True)})


def write_table(path: Path, rows: Sequence[Row], metadata: Mapping[str, Any]) -> None:
    """Write the rows; the same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([_values(row) for row in rows], schema=schema(metadata))
    pq.write_table(table, path, compression="zstd")


def read_metadata(path: Path) -> dict[str, Any]:
    """Return what `write_table` stored beside the rows, or nothing if the file is not such a table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        stored = (pq.read_schema(path).metadata or {}).get(METADATA_KEY, b"{}")
        metadata: dict[str, Any] = json.loads(stored)
    except (OSError, ValueError, pa.ArrowInvalid):
        return {}
    return metadata


def _values(row: Row) -> dict[str, Any]:
    episode = row.episode
    return {
        "episode_id": row.episode_id,
        "split": row.split,
        "video": row.video,
        "caption": episode.caption,
        "rate_hz": episode.rate_hz,
        "num_frames": episode.frames,
        "seed": episode.seed,
        "target_bin": episode.side,
        "belt_speed_m_s": episode.belt_speed_m_s,
        "time_s": [frame / episode.rate_hz for frame in range(episode.frames)],
        "belt_m": episode.belt_m_T.tolist(),
        "gripper_xy_m": episode.gripper_xy_m_T2.tolist(),
        "grip": episode.grip_T.tolist(),
        "joint_shoulder_elbow_rad": episode.joint_rad_T2.tolist(),
        "action_dx_m_dy_m_grip": episode.action_T3.tolist(),
        "parts": [_part_values(episode, index) for index in range(len(episode.parts))],
    }


def _part_values(episode: Episode, index: int) -> dict[str, Any]:
    return {
        "colour": episode.parts[index].colour,
        "shape": episode.parts[index].shape,
        "is_target": index == episode.target,
        "xy_m": episode.part_xy_m_PT2[index].tolist(),
        "state": list(episode.part_state_PT[index]),
    }
