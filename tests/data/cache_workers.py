"""Entries that can be made anywhere, and processes that make them together and may be killed at any moment."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from cosmos_recipes.data.cache import Cache, Wanted, claims, fill, filling
from cosmos_recipes.diagnostics import Problem

Made = Iterator[tuple[list[int], list[torch.Tensor] | Problem]]
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["cosmos_recipes.data.encoding", "cache_workers"])


def numbers(count: int, *, per_group: int = 3, **made_by: object) -> Wanted:
    """Return entries that are made from their number, `per_group` to a group."""
    return Wanted(
        made_by={"kind": "number", **made_by},
        made_from=lambda position: {"number": position},
        name=lambda position: f"number {position}",
        groups=np.arange(count) // per_group,
    )


def tensor(position: int) -> torch.Tensor:
    """The tensor of a number."""
    return torch.full((2, 3), position, dtype=torch.float16)


def maker(told: Callable[[list[int]], object] = lambda own: None, *, seconds: float = 0.0) -> Callable[..., Made]:
    """Return what makes the entries; `told` gets the positions of each that is made."""

    def make(positions: Sequence[int]) -> Made:
        for position in positions:
            time.sleep(seconds)
            told([position])
            yield [position], [tensor(position)]

    return make


def fill_quietly(cache: Cache, wanted: Wanted, make: Callable[..., Made] | None = None, **how: object) -> None:
    """Fill the cache and say nothing."""
    fill(cache, wanted, make or maker(), refused={}, progress=lambda *told: None, what="", **how)


def work(folder: Path, count: int, seconds: float) -> None:
    """Fill a cache in small units; every entry that is made is a line of a log."""
    filling.ENTRIES_PER_UNIT, filling.WAIT_S, claims.BEAT_S = 8, 0.02, 0.1
    log = os.open(folder / "log.txt", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    cache = Cache(folder / "cache")
    cache.claims.silent_s = 0.5
    tell = maker(lambda own: os.write(log, f"{os.getpid()} {own[0]}\n".encode()), seconds=seconds)
    fill_quietly(cache, numbers(count), tell)


def start(folder: Path, count: int, seconds: float) -> multiprocessing.process.BaseProcess:
    """Start a process that fills the cache in `folder`."""
    process = PROCESSES.Process(target=work, args=(folder, count, seconds))
    process.start()
    return process


def logged(folder: Path) -> list[tuple[int, int]]:
    """Return who made which number, in order."""
    lines = (folder / "log.txt").read_text().splitlines() if (folder / "log.txt").exists() else []
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]


def listed_keys(cache: Cache) -> list[bytes]:
    """Return every key of every list."""
    cache.refresh()
    return [key for listed in cache.shards.values() for key in listed.keys.to_pylist()]


@contextmanager
def files_up_to(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow further, as on a disk that is full."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def content(folder: Path) -> str:
    """Return one hash of the files of a cache's shards and their names."""
    files = sorted((folder / "shards").glob("[!.]*"))
    assert files
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()
