"""Keeping the cache below a size: what was not used for longest goes first, and never what is needed now."""

from __future__ import annotations

import time
from collections.abc import Set
from math import ceil
from typing import NoReturn

from cosmos_recipes.data.cache.contents import Cache
from cosmos_recipes.data.cache.shards import LIST, SHARDS, TENSOR, remove_shard
from cosmos_recipes.diagnostics import Place, fail


def make_room(cache: Cache, *, needed: Set[str], missing_bytes: int, limit_bytes: int) -> list[str]:
    """Remove shards until `missing_bytes` more stay below the limit; return their names.

    The shards `needed` stay, and so do those that a prepared folder on the same disk holds.

    Raises:
        RecipeError: what is needed is more than the limit (CR581), or prepared folders hold too much (CR582).
    """
    sizes = shard_sizes(cache)
    needed_bytes = sum(sizes.get(shard, 0) for shard in needed) + missing_bytes
    if needed_bytes > limit_bytes:
        _fail_too_small(cache, needed_bytes, limit_bytes)
    over_bytes = sum(sizes.values()) + missing_bytes - limit_bytes
    removed = []
    for shard in _unused_first(cache, sizes.keys() - needed):
        if over_bytes <= 0:
            break
        remove_shard(cache.store, shard)
        over_bytes -= sizes[shard]
        removed.append(shard)
    cache.refresh()
    if over_bytes > 0:
        _fail_held(cache, needed_bytes, over_bytes, limit_bytes)
    return removed


def clear(cache: Cache, *, unused_for_s: float) -> int:
    """Remove what no prepared folder holds and was not used for some time; return how many bytes that freed."""
    sizes, before_s = shard_sizes(cache), time.time() - unused_for_s
    old = [shard for shard in _unused_first(cache, sizes.keys()) if last_used_s(cache, shard) <= before_s]
    for shard in old:
        remove_shard(cache.store, shard)
    cache.refresh()
    return sum(sizes[shard] for shard in old)


def shard_sizes(cache: Cache) -> dict[str, int]:
    """Return the bytes of each shard with its list."""
    sizes: dict[str, int] = {}
    for name, size_bytes in cache.store.sizes_bytes(SHARDS).items():
        shard = name.removesuffix(LIST).removesuffix(TENSOR)
        sizes[shard] = sizes.get(shard, 0) + size_bytes
    return sizes


def last_used_s(cache: Cache, shard: str) -> float:
    """Return when a shard was last needed, or made, in seconds since 1970."""
    return max(cache.store.modified_s(f"{SHARDS}/{shard}{suffix}") for suffix in (TENSOR, LIST))


def _unused_first(cache: Cache, shards: Set[str]) -> list[str]:
    free = [shard for shard in shards if not cache.store.is_held(f"{SHARDS}/{shard}{TENSOR}")]
    return sorted(free, key=lambda shard: (last_used_s(cache, shard), shard))


def _fail_too_small(cache: Cache, needed_bytes: int, limit_bytes: int) -> NoReturn:
    fail(
        "CR581",
        "what this data set needs does not fit into the cache's limit",
        place=Place(file=cache.store.url),
        expected=f"a limit of {_said(needed_bytes)} or more",
        found=_said(limit_bytes),
        hint="raise the limit, or use fewer or smaller clips (dataset.limit, dataset.clip)",
    )


def _fail_held(cache: Cache, needed_bytes: int, over_bytes: int, limit_bytes: int) -> NoReturn:
    fail(
        "CR582",
        "other prepared data leaves too little of the cache's limit",
        place=Place(file=cache.store.url),
        expected=f"{_said(needed_bytes)} of {_said(limit_bytes)} for this data set",
        found=f"{_said(over_bytes)} too little",
        hint="remove prepared folders that are no longer needed, or raise the limit",
    )


def _said(size_bytes: int) -> str:
    """Return a size with its unit, rounded up."""
    scale, unit = next(
        (scale, unit) for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")) if size_bytes >= scale or unit == "KB"
    )
    return f"{ceil(size_bytes / scale * 10) / 10:g} {unit}"
