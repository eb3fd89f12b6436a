"""The ground truth of a world as a Parquet table: one row per episode, per-frame lists, units in the names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

    from cosmos_recipes.worlds.world import Played, World

METADATA_KEY = b"cosmos_recipes.world"
"""Key of the schema's metadata; its value is JSON with `settings`, `notes` and what else is true of all episodes."""


def schema(world: World[Any], metadata: Mapping[str, Any]) -> pyarrow.Schema:
    """Return the table's columns; `metadata` is stored as JSON.

    A world of one view has a column `video` and one of several `views` and `videos`, in the same order.
    """
    import pyarrow as pa

    texts, text = pa.list_(pa.string()), pa.string()
    columns = {
        "episode_id": text,
        "split": text,
        **({"video": text} if len(world.views) == 1 else {"views": texts, "videos": texts}),
        "caption": text,
        "rate_hz": pa.float64(),
        "num_frames": pa.int32(),
        "seed": pa.int64(),
        **world.columns(),
    }
    return pa.schema(list(columns.items()), metadata={METADATA_KEY: json.dumps(metadata, sort_keys=True)})


def usual_values(episode: Played) -> dict[str, Any]:
    """Return a row's values for the columns that every world has."""
    return {
        "caption": episode.caption,
        "rate_hz": episode.rate_hz,
        "num_frames": episode.frames,
        "seed": episode.seed,
    }


def write_table(path: Path, world: World[Any], rows: Sequence[dict[str, Any]], metadata: Mapping[str, Any]) -> None:
    """Write the rows; the same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema(world, metadata)), path, compression="zstd")


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
