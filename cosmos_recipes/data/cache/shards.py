"""A shard: the tensors of many entries in one safetensors file, and its list in Arrow, which is written last.

A shard is called after the sha256 of its file, so that it never changes and says by itself whether it is damaged.
Legend: N entries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cosmos_recipes.data.cache.keys import KEY, canonical
from cosmos_recipes.data.cache.store import Store

if TYPE_CHECKING:
    from torch import Tensor

SHARDS = "shards"
TENSOR, LIST = ".safetensors", ".arrow"
ENTRIES = "entries_N"
"""The one tensor of a shard; its first axis counts the entries."""
_COLUMNS = pa.schema({"key": KEY, "made_from": pa.string(), "name": pa.string()})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One entry to be stored."""

    key: bytes
    made_from: Mapping[str, Any]
    name: str
    tensor: Tensor


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What the list of a shard says of all its entries, which are the rows of its tensor."""

    shard: str
    keys: pa.FixedSizeBinaryArray
    size_bytes: int
    made_by: dict[str, Any] = field(repr=False)


def write_shard(store: Store, rows: Sequence[Row], made_by: Mapping[str, Any]) -> str:
    """Store entries of one shape and type, then the list that makes them known; return the shard's name."""
    import torch
    from safetensors.torch import save

    entries_N = torch.stack([row.tensor for row in rows])
    # Two makers may make the same tensors: the keys keep their shards apart.
    keys = hashlib.sha256(b"".join(row.key for row in rows)).hexdigest()
    content = save({ENTRIES: entries_N}, metadata={"keys": keys})
    name = hashlib.sha256(content).hexdigest()
    told = {
        "made_by": canonical(made_by),
        "shape": json.dumps(list(entries_N.shape[1:])),
        "dtype": str(entries_N.dtype).removeprefix("torch."),
        "size_bytes": str(len(content)),
    }
    columns = {
        "key": [row.key for row in rows],
        "made_from": [canonical(row.made_from) for row in rows],
        "name": [row.name for row in rows],
    }
    table = pa.table(columns, schema=_COLUMNS.with_metadata(told))
    store.put(f"{SHARDS}/{name}{TENSOR}", content)
    store.put(f"{SHARDS}/{name}{LIST}", _as_file(table))
    return name


def read_list(store: Store, shard: str, columns: Sequence[str] = ("key",)) -> tuple[Listed, pa.Table] | None:
    """Return the list of a shard and some of its columns; None where it is gone, or is none."""
    try:
        reader = pa.ipc.open_file(
            pa.BufferReader(store.get(f"{SHARDS}/{shard}{LIST}")),
            options=pa.ipc.IpcReadOptions(included_fields=[_COLUMNS.get_field_index(name) for name in columns]),
        )
        table = reader.read_all()
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    told = {name.decode(): value.decode() for name, value in reader.schema.metadata.items()}
    keys = table["key"].combine_chunks()
    made_by = json.loads(told["made_by"])
    return Listed(shard=shard, keys=keys, size_bytes=int(told["size_bytes"]), made_by=made_by), table


def remove_shard(store: Store, shard: str) -> None:
    """Remove a shard, its list first, so that nobody finds an entry that is not there."""
    store.remove(f"{SHARDS}/{shard}{LIST}")
    store.remove(f"{SHARDS}/{shard}{TENSOR}")


def _as_file(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content
