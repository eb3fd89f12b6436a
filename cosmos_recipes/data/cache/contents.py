"""What is in the cache: the lists of all shards, looked through by key.

Legend: N entries, U keys that are not alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmos_recipes.data.cache.claims import Claims
from cosmos_recipes.data.cache.keys import KEY
from cosmos_recipes.data.cache.shards import LIST, SHARDS, TENSOR, Listed, read_list, remove_shard
from cosmos_recipes.data.cache.store import Store
from cosmos_recipes.files import sha256


class Cache:
    """The entries at a folder or a URL, kept below `limit_bytes`. What is found is what was there at the last `refresh`."""

    def __init__(self, url: str | Path, *, limit_bytes: int | None = None) -> None:
        self.store, self.limit_bytes = Store(str(url)), limit_bytes
        self.claims = Claims(self.store.folder and self.store.folder / "claims")
        self._lists: dict[str, Listed] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take note of shards that came and went; those that come cut off count as not there."""
        there = set(self.store.names(SHARDS))
        names = [name.removesuffix(LIST) for name in there if name.endswith(LIST)]
        whole = sorted(name for name in names if f"{name}{TENSOR}" in there)
        known = {name: self._lists.get(name) or self._read(name) for name in whole}
        self._lists = {name: listed for name, listed in known.items() if listed is not None}

    def _read(self, shard: str) -> Listed | None:
        found = read_list(self.store, shard)
        if found and self.store.size_bytes(f"{SHARDS}/{shard}{TENSOR}") == found[0].size_bytes:
            return found[0]
        return None

    @property
    def shards(self) -> dict[str, Listed]:
        """The lists of the shards, by name."""
        return self._lists

    def find(self, keys: pa.FixedSizeBinaryArray) -> Places:
        """Return where the entries with these keys are."""
        return Places(self, keys)

    def fetch(self, shard: str, folder: Path) -> bool:
        """Put a shard into a folder, so that it stays there whatever happens here; return whether it is whole.

        One that is damaged is removed from the cache, and its entries have to be made again.

        Raises:
            RecipeError: the folder cannot be written to (CR584).
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
        """Remember that these shards were needed now: the times of their lists say so."""
        for shard in shards:
            self.store.touch(f"{SHARDS}/{shard}{LIST}")


class Places:
    """Where entries are: a number of `shards` and a row in it for each; -1 for those that are not there.

    To look again costs what came since, however much is there.
    """

    def __init__(self, cache: Cache, keys: pa.FixedSizeBinaryArray) -> None:
        self._cache = cache
        self._keys_U, self._of_N = np.unique(_bytes(keys), return_inverse=True)
        self._forget()
        self._note()

    def look(self) -> None:
        """Take note of what came and went."""
        self._cache.refresh()
        if not self._cache.shards.keys() >= set(self.shards):
            # What went may also lie in another shard.
            self._forget()
        self._note()

    @property
    def shard(self) -> NDArray[np.int32]:
        """Number of the shard of each entry."""
        return self._shard_U[self._of_N]

    @property
    def row(self) -> NDArray[np.int32]:
        """Row of each entry in its shard."""
        return self._row_U[self._of_N]

    @property
    def missing(self) -> NDArray[np.int64]:
        """Positions of the entries that are not there."""
        return np.flatnonzero(self.shard < 0)

    def missing_of(self, positions_N: NDArray[np.int64]) -> list[int]:
        """Return those of the positions that are not there; of those alike the first."""
        absent_N = positions_N[self._shard_U[self._of_N[positions_N]] < 0]
        return sorted(absent_N[np.unique(self._of_N[absent_N], return_index=True)[1]].tolist())

    def _forget(self) -> None:
        self.shards: list[str] = []
        self._shard_U, self._row_U = np.full((2, len(self._keys_U)), -1, dtype=np.int32)

    def _note(self) -> None:
        seen = set(self.shards)
        for name, listed in self._cache.shards.items():
            if name not in seen and len(self._keys_U):
                keys = _bytes(listed.keys)
                at = np.searchsorted(self._keys_U[:-1], keys)
                rows = np.flatnonzero((self._keys_U[at] == keys) & (self._shard_U[at] < 0))
                self._shard_U[at[rows]], self._row_U[at[rows]] = len(self.shards), rows
                self.shards.append(name)


def _bytes(keys: pa.FixedSizeBinaryArray) -> NDArray[np.bytes_]:
    """Return keys as numpy orders them; all have one length, so that nothing is lost where it drops zeros at the end."""
    content = np.frombuffer(keys.buffers()[1] or b"", dtype=f"S{KEY.byte_width}")
    return content[keys.offset : keys.offset + len(keys)]
