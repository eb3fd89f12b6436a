"""Making the entries that are missing, by any number of processes at once, each part of the work by one of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.data.cache.contents import Cache
from cosmos_recipes.data.cache.keys import Wanted
from cosmos_recipes.data.cache.shards import SHARDS, Row, write_shard
from cosmos_recipes.data.owners import sweep
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Place, Problem

if TYPE_CHECKING:
    from torch import Tensor

    Make = Callable[[Sequence[int]], Iterable[tuple[list[int], Sequence[Tensor] | Problem]]]
    """Makes the entries at these positions: yields positions of one group, and their tensors or why there are none."""

ENTRIES_PER_UNIT = 256
SHARD_BYTES = 2**28
"""Tensors that are gathered in memory before they are written."""
WAIT_S = 0.2


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
        RecipeError: the cache cannot be written to (CR584).
    """
    if cache.store.folder:
        sweep(cache.store.folder / SHARDS)
    cache.refresh()
    worker = _Worker(cache, wanted, make, refused)
    # A part is one of all units, not of those that are missing now: machines do not look at the same moment.
    units = units_of(wanted.groups)[part.number - 1 :: part.of] if part else units_of(wanted.groups)
    units = [unit for unit in units if worker.missing(unit)]
    while units:
        left = []
        for unit in units:
            progress(what, worker.found, len(wanted))
            if not worker.do(unit):
                left.append(unit)
        if len(left) == len(units):
            time.sleep(WAIT_S)
        units = left
    worker.look()
    progress(what, worker.found, len(wanted))


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
        self._places = cache.find(wanted.keys)

    def look(self) -> None:
        """Take note of what came and went."""
        self._places.look()

    @property
    def found(self) -> int:
        """How many entries were there when this was last looked at."""
        return len(self.wanted) - len(self._places.missing)

    def missing(self, unit: NDArray[np.int64]) -> list[int]:
        """Return the positions of a unit that were not there, nor are known to be impossible; of those alike the first."""
        missing = self._places.missing_of(unit)
        return [position for position in missing if self._group(position) not in self.refused]

    def do(self, unit: NDArray[np.int64]) -> bool:
        """Make what is missing of a unit; return False where another process is at it."""
        keys = self.wanted.keys.take(unit)
        with self.cache.claims.claim(hashlib.sha256(b"".join(keys.to_pylist())).hexdigest()) as is_ours:
            self.look()
            missing = self.missing(unit)
            if missing and is_ours:
                self._make(missing)
            return is_ours or not missing

    def _group(self, position: int) -> int:
        return int(self.wanted.groups[position])

    def _make(self, positions: list[int]) -> None:
        rows: dict[int, Row] = {}
        held_bytes = 0
        for own, tensors in self.make(positions):
            group = self._group(own[0])
            made = self.refused.get(group) or self._rows(own, tensors)
            if isinstance(made, Problem):
                self.refused[group] = made
                # What could be made of a group that breaks off may be damaged too.
                rows = {position: row for position, row in rows.items() if self._group(position) != group}
                continue
            rows |= made
            held_bytes += sum(row.tensor.nbytes for row in made.values())
            if held_bytes >= SHARD_BYTES:
                self._write(rows.values())
                rows, held_bytes = {}, 0
        self._write(rows.values())

    def _rows(self, positions: list[int], tensors: Sequence[Tensor] | Problem) -> dict[int, Row] | Problem:
        """Return what is to be stored; nothing, if what it was made from is no longer what it is stored for."""
        if isinstance(tensors, Problem):
            return tensors
        rows = {}
        for position, tensor in zip(positions, tensors, strict=True):
            key, made_from = self.wanted.keys[position].as_py(), self.wanted.made_from(position)
            if self.wanted.key(made_from) != key:
                return changed(self.wanted.name(position))
            rows[position] = Row(key=key, made_from=made_from, name=self.wanted.name(position), tensor=tensor)
        return rows

    def _write(self, rows: Iterable[Row]) -> None:
        def form(row: Row) -> tuple[str, tuple[int, ...]]:
            return str(row.tensor.dtype), tuple(row.tensor.shape)

        for _, alike in groupby(sorted(rows, key=form), key=form):
            write_shard(self.cache.store, list(alike), self.wanted.made_by)


def changed(name: str, place: Place | None = None) -> Problem:
    """Say that what is prepared did not stay what it was (CR585)."""
    return Problem(
        code="CR585",
        message=f"{name} changed while it was prepared",
        place=place,
        expected="recordings that stay as they are until they are prepared",
        found="another content than at the beginning",
        hint="run the recipe again when nothing writes to them any more",
    )
