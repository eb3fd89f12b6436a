"""If these fail, the log of consumed clips lacks some, has some twice, or differs with the number of processes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.files import unfinished
from cosmos_recipes.training import consumed
from cosmos_recipes.training.batches import Batch
from cosmos_recipes.training.consumed import Consumed

BATCH, STEPS = 12, 30


@pytest.fixture(autouse=True, scope="module")
def _small_groups() -> Any:
    """Let the file have several groups of rows, the last one not full."""
    before, consumed.GROUP_ROWS = consumed.GROUP_ROWS, 50
    yield
    consumed.GROUP_ROWS = before


def batch(step: int, positions: range) -> Batch:
    numbers = tuple(step * BATCH + position for position in positions)
    return Batch(
        latent_BCTHW=torch.zeros(len(positions), 0),
        control={},
        step=step - 1,
        samples=tuple(positions),
        clips=numbers,
        parts=tuple(number % 3 for number in numbers),
        epochs=tuple(number // 7 for number in numbers),
    )


def names(clips: np.ndarray) -> pa.Array:
    return pa.array([f"recording-{clip // 5}" for clip in clips])


def run(file: Path, first: int, last: int, *, world: int = 1, every: int = 4, killed_before: bool = False) -> None:
    """Do the steps from after `first` to `last`; with `killed_before`, the checkpoint of the last one is not written."""
    share = BATCH // world
    ranks = [Consumed(file) for _ in range(world)]
    ranks[0].resume(first)
    for step in range(first + 1, last + 1):
        for rank, log in enumerate(ranks):
            half = rank * share + share // 2
            log.add(step, [batch(step, part) for part in (range(rank * share, half), range(half, (rank + 1) * share))])
            if step % every == 0 or step == last:
                log.write(log.take(), step, rank=rank, names=names)
    if killed_before:
        unfinished(file.with_suffix("") / f"step-{last:08d}-rank-00000.parquet").write_bytes(b"half")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("undisturbed") / "samples.parquet"
    run(file, 0, STEPS)
    Consumed(file).finish()
    return file


def test_every_clip_of_every_step_has_its_row(undisturbed: Path) -> None:
    table = pq.read_table(undisturbed)
    assert table["clip"].to_pylist() == list(range(BATCH, BATCH * (STEPS + 1)))
    assert table["step"].to_pylist() == [step for step in range(1, STEPS + 1) for _ in range(BATCH)]
    assert table["position"].to_pylist() == list(range(BATCH)) * STEPS
    assert table["recording"].to_pylist() == names(table["clip"].to_numpy()).to_pylist()
    assert [path.name for path in undisturbed.parent.iterdir()] == ["samples.parquet"]


Stretch = st.tuples(st.integers(0, 9), st.integers(0, 6), st.sampled_from([1, 2, 3, 6]), st.integers(1, 5))


@settings(deadline=None, max_examples=50)
@given(stretches=st.lists(Stretch, max_size=6), finished=st.booleans())
def test_kills_and_other_numbers_of_processes_leave_no_trace(
    undisturbed: Path, stretches: list[tuple[int, int, int, int]], finished: bool
) -> None:
    """A stretch does some steps whose checkpoint counts and some that are lost, in a number of processes."""
    with TemporaryDirectory() as folder:
        file, done = Path(folder) / "samples.parquet", 0
        for kept, lost, world, every in stretches:
            run(file, done, min(done + kept, STEPS), world=world, every=every)
            done = min(done + kept, STEPS)
            run(file, done, min(done + lost, STEPS), world=world, every=every, killed_before=done + lost > 0)
        run(file, done, STEPS)
        Consumed(file).finish()
        if finished:
            # Killed before the model was there, or the model was damaged later.
            run(file, done, STEPS, world=2)
            Consumed(file).finish()
        assert file.read_bytes() == undisturbed.read_bytes()
