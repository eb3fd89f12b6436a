"""What is in the cache: the lists of all shards, looked through by key."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmos_recipes.data.cache.claims import Claims
from cosmos_recipes.data.cache.keys import KEY
from cosmos_recipes.data.cache.shards import LIST, SHARDS, TENSOR, USED, Listed, read_list, remove_shard
from cosmos_recipes.data.cache.store import Store
from cosmos_recipes.files import sha256


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where entries are: a number of `shards` and a row in it for each; -1 for those that are not there."""

    shards: tuple[str, ...]
    shard: NDArray[np.int32]
    row: NDArray[np.int32]

    @property
    def missing(self) -> NDArray[np.int64]:
        """Positions of the entries that are not there."""
        return np.flatnonzero(self.shard < 0)


class Cache:
    """The entries at a folder or a URL, kept below `limit_bytes`. What is found is what was there at the last `refresh`."""

    def __init__(self, url: str | Path, *, limit_bytes: int | None = None) -> None:
        self.store, self.limit_bytes = Store(str(url)), limit_bytes
        self.claims = Claims(self.store.folder and self.store.folder / "claims")
        self._lists: dict[str, Listed] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take note of shards that came and went; those that are cut off count as not there."""
        sizes = self.store.sizes_bytes(SHARDS)
        names = sorted(name.removesuffix(LIST) for name in sizes if name.endswith(LIST))
        known = {name: self._lists.get(name) or self._read(name) for name in names}
        self._lists = {
            name: listed
            for name, listed in known.items()
            if listed is not None and sizes.get(f"{name}{TENSOR}") == listed.size_bytes
        }
        self.__dict__.pop("_keys", None)

    def _read(self, shard: str) -> Listed | None:
        found = read_list(self.store, shard)
        return found[0] if found else None

    @property
    def shards(self) -> dict[str, Listed]:
        """The lists of the shards, by name."""
        return self._lists

    @cached_property
    def _keys(self) -> pa.ChunkedArray:
        return pa.chunked_array([listed.keys for listed in self._lists.values()], type=KEY)

    def find(self, keys: pa.FixedSizeBinaryArray) -> Places:
        """Return where the entries with these keys are."""
        at = pc.index_in(keys, value_set=self._keys).fill_null(-1).to_numpy(zero_copy_only=False)
        first = np.cumsum([0, *(len(listed.keys) for listed in self._lists.values())])
        shard = np.searchsorted(first, at, side="right") - 1
        row = np.where(at < 0, -1, at - first[shard])
        return Places(shards=tuple(self._lists), shard=shard.astype(np.int32), row=row.astype(np.int32))

    def fetch(self, shard: str, folder: Path) -> bool:
        """Put a shard into a folder, so that it stays there whatever happens here; return whether it is whole.

        One that is damaged is removed from the cache, and its entries have to be made again.
        """
        target = folder / f"{shard}{TENSOR}"
        try:
            self.store.fetch(f"{SHARDS}/{target.name}", target)
        except FileNotFoundError:
            return False
        if sha256(target) == shard:
            return True
        target.unlink()
        remove_shard(self.store, shard)
        return False

    def note_used(self, shards: Iterable[str]) -> None:
        """Remember that these shards were needed now."""
        for shard in shards:
            self.store.put(f"{USED}/{shard}", repr(time.time()).encode())
