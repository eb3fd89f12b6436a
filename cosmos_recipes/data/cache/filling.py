"""Making the entries that are missing, by any number of processes at once, each part of the work by one of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NoReturn, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cosmos_recipes.data.cache.contents import Cache
from cosmos_recipes.data.cache.keys import Wanted
from cosmos_recipes.data.cache.shards import SHARDS, Row, write_shard
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Place, Problem, fail

ENTRIES_PER_UNIT = 256
SHARD_BYTES = 2**28
"""Tensors that are gathered in memory before they are written."""
WAIT_S = 0.2

Make = Callable[[Sequence[int]], Iterable[tuple[list[int], Sequence[Tensor] | Problem]]]
"""Makes the entries at these positions: yields positions of one group, and their tensors or why there are none."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of the work of one of several machines that cannot see each other's claims: `number` (from 1) of `of`."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2/8`; raises ValueError."""
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise ValueError(f"`{text}` is no part: write 1/8 to 8/8")
        return cls(int(number), int(of))


def fill(
    cache: Cache,
    wanted: Wanted,
    make: Make,
    *,
    refused: dict[int, Problem],
    progress: Progress,
    what: str,
    part: Part | None = None,
) -> None:
    """Make and store what is missing of `wanted`, and wait for what other processes are making.

    Groups that could not be made are added to `refused`; those that are there already are not tried. With a `part`,
    only that part of the missing entries is made.

    Raises:
        RecipeError: what was stored is not found again (CR583).
    """
    cache.store.sweep(SHARDS)
    cache.refresh()
    absent = set(cache.find(wanted.keys).missing.tolist())
    # A part is one of all units, not of those that are missing now: machines do not look at the same moment.
    units = units_of(wanted.groups)[part.number - 1 :: part.of] if part else units_of(wanted.groups)
    units = [unit for unit in units if not absent.isdisjoint(unit.tolist())]
    worker = _Worker(cache, wanted, make, refused)
    while units:
        left = []
        for unit in units:
            progress(what, len(wanted) - len(absent), len(wanted))
            if worker.do(unit):
                absent.difference_update(unit.tolist())
            else:
                left.append(unit)
        if len(left) == len(units):
            time.sleep(WAIT_S)
        units = left
    progress(what, len(wanted) - len(absent), len(wanted))


def units_of(groups: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut positions into the units of work: whole groups together, unless a group is larger than a unit.

    They depend on what is wanted alone, so that processes that want the same agree on them.
    """
    first = np.flatnonzero(np.diff(groups, prepend=-1)).tolist()
    cuts = [0]
    for start, end in zip(first, [*first[1:], len(groups)], strict=True):
        if start > cuts[-1] and end - cuts[-1] > ENTRIES_PER_UNIT:
            cuts.append(start)
        cuts += range(cuts[-1] + ENTRIES_PER_UNIT, end, ENTRIES_PER_UNIT)
    return np.split(np.arange(len(groups)), cuts[1:])


class _Worker:
    """Does units of work, one after the other."""

    def __init__(self, cache: Cache, wanted: Wanted, make: Make, refused: dict[int, Problem]) -> None:
        self.cache, self.wanted, self.make, self.refused = cache, wanted, make, refused

    def do(self, unit: NDArray[np.int64]) -> bool:
        """Make what is missing of a unit; return False where another process is at it."""
        keys = self.wanted.keys.take(unit)
        with self.cache.claims.claim(hashlib.sha256(b"".join(keys.to_pylist())).hexdigest()) as is_ours:
            before: list[int] = []
            while missing := self._missing(unit):
                if not is_ours:
                    return False
                if missing == before:
                    fail_lost(self.cache.store.url)
                self._make(missing)
                before = missing
        return True

    def _missing(self, unit: NDArray[np.int64]) -> list[int]:
        """Return the positions of a unit that are not there, nor known to be impossible; of those alike the first."""
        self.cache.refresh()
        absent = unit[self.cache.find(self.wanted.keys.take(unit)).missing].tolist()
        possible = [position for position in absent if int(self.wanted.groups[position]) not in self.refused]
        return sorted({self.wanted.keys[position]: position for position in reversed(possible)}.values())

    def _make(self, positions: list[int]) -> None:
        rows: dict[int, Row] = {}
        for own, tensors in self.make(positions):
            group = int(self.wanted.groups[own[0]])
            if isinstance(tensors, Problem):
                self.refused[group] = tensors
            else:
                rows |= {position: self._row(position, tensor) for position, tensor in zip(own, tensors, strict=True)}
            # What could be made of a group that breaks off may be damaged too.
            rows = {at: row for at, row in rows.items() if int(self.wanted.groups[at]) not in self.refused}
            if sum(row.tensor.nbytes for row in rows.values()) >= SHARD_BYTES:
                self._write(rows.values())
                rows = {}
        self._write(rows.values())

    def _row(self, position: int, tensor: Tensor) -> Row:
        wanted = self.wanted
        key = wanted.keys[position].as_py()
        return Row(key=key, made_from=wanted.made_from(position), name=wanted.name(position), tensor=tensor)

    def _write(self, rows: Iterable[Row]) -> None:
        def form(row: Row) -> tuple[str, tuple[int, ...]]:
            return str(row.tensor.dtype), tuple(row.tensor.shape)

        for _, alike in groupby(sorted(rows, key=form), key=form):
            write_shard(self.cache.store, list(alike), self.wanted.made_by)


def fail_lost(url: str) -> NoReturn:
    """Say that the cache does not give back what was stored (CR583)."""
    fail(
        "CR583",
        "the cache does not keep what is stored in it",
        place=Place(file=url),
        expected="that what was written a moment ago is found again, as it was",
        found="entries that are gone or damaged",
        hint="see whether another process clears it, and whether the disk is in order; then run the same command again",
    )
