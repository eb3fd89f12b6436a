"""The log of what training consumed, `samples.parquet`: a row for each clip of each step, none lost and none twice.

Every process writes the rows of its own clips just before a checkpoint, into a folder beside the file, and at the end
they are put together. What is newer than the checkpoint that training goes on from is dropped, and comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cosmos_recipes.files import remove, whole

if TYPE_CHECKING:
    from cosmos_recipes.training.batches import Batch

NUMBERS = ("step", "position", "part", "epoch", "clip")
SCHEMA = pa.schema([*((name, pa.int32()) for name in NUMBERS), ("recording", pa.string())])
"""`step` counts from 1, as in the log; `position` in the global batch, `part` (the data set of a mixture), `epoch` (of
that data set) and `clip` (its number in the index) from 0; `recording` is the name of the clip's recording."""
GROUP_ROWS = 2**18


class Consumed:
    """The rows of a run: `file`, once training is finished, and before that a folder of the same name without suffix."""

    def __init__(self, file: Path) -> None:
        self.file, self.folder = file, file.with_suffix("")
        self._steps: list[np.ndarray] = []

    def add(self, step: int, batches: Sequence[Batch]) -> None:
        """Keep in mind what this process consumed in a step, from 1."""
        for batch in batches:
            columns = (batch.samples, batch.parts, batch.epochs, batch.clips)
            self._steps.append(np.array([[step] * len(batch.clips), *columns], dtype=np.int32))

    def take(self) -> np.ndarray:
        """Return what this process consumed since the last time, a column for each clip and the rows `NUMBERS`."""
        steps, self._steps = self._steps, []
        return np.concatenate(steps, axis=1)

    def write(self, numbers: np.ndarray, step: int, *, rank: int, names: Callable[[np.ndarray], Any]) -> None:
        """Write what was taken; every process must, before the checkpoint of `step`.

        `names` gives the names of the recordings of clips.
        """
        table = pa.table([*map(pa.array, numbers), names(numbers[-1])], schema=SCHEMA)
        _write(self._part(step, rank), [table])

    def resume(self, step: int) -> None:
        """Drop the rows of steps after `step`."""
        if self.file.exists():
            # A finished log is whole, whatever is beside it: take it apart again.
            remove(self.folder)
            groups = pq.ParquetFile(self.file)
            rows = (groups.read_row_group(number) for number in range(groups.num_row_groups))
            _write(self._part(step, 0), (row.filter(pc.field("step") <= step) for row in rows))
            remove(self.file)
        for path in self.folder.glob("*"):
            if path.suffix != ".parquet" or _step(path) > step:
                remove(path)

    def finish(self) -> None:
        """Put together what the processes wrote, by step and position; one process does, after all have written."""
        parts = groupby(sorted(self.folder.glob("*.parquet")), _step)
        _write(self.file, (_in_order(own) for _, own in parts))
        remove(self.folder)

    def _part(self, step: int, rank: int) -> Path:
        return self.folder / f"step-{step:08d}-rank-{rank:05d}.parquet"


def _step(part: Path) -> int:
    return int(part.name[5:13])


def _in_order(parts: Iterable[Path]) -> pa.Table:
    rows = pa.concat_tables(pq.ParquetFile(part).read() for part in parts)
    return rows.sort_by([("step", "ascending"), ("position", "ascending")])


def _write(path: Path, tables: Iterable[pa.Table]) -> None:
    with whole(path) as part, pq.ParquetWriter(part, SCHEMA, compression="zstd") as writer:
        for group in _groups(tables):
            writer.write_table(group.combine_chunks())


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Cut the rows into groups of one size, so that a file does not show when checkpoints were, or how many processes."""
    held, rows = [SCHEMA.empty_table()], 0
    for table in tables:
        held.append(table)
        rows += len(table)
        if rows >= GROUP_ROWS:
            joined, rest = pa.concat_tables(held), rows % GROUP_ROWS
            yield from (joined.slice(start, GROUP_ROWS) for start in range(0, rows - rest, GROUP_ROWS))
            held, rows = [joined.slice(rows - rest)], rest
    yield pa.concat_tables(held)
