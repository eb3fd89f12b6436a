"""If these fail, a run on two devices sees other clips than a run on one, or a resumed run repeats or skips clips."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.conditioning.networks import ByteText
from cosmos_recipes.data.order import SampleOrder
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.training.batches import Batches, PreparedClips, Share


@given(world=st.integers(1, 6), per_process=st.integers(1, 9), micro_batch=st.integers(1, 12))
def test_processes_and_micro_batches_split_every_batch_once(world: int, per_process: int, micro_batch: int) -> None:
    shares = [
        Share(rank=rank, world=world, global_batch=world * per_process, micro_batch=micro_batch)
        for rank in range(world)
    ]
    positions = [position for share in shares for part in share.micro_batches() for position in part]
    assert positions == list(range(world * per_process))
    assert all(len(share.micro_batches()) == share.accumulate for share in shares)
    assert all(len(part) <= micro_batch for share in shares for part in share.micro_batches())


def test_batch_that_cannot_be_split_is_refused() -> None:
    with pytest.raises(RecipeError, match="CR601"):
        Share(rank=0, world=4, global_batch=6, micro_batch=2)


def batches(prepared: Path, *, rank: int = 0, world: int = 1, micro_batch: int = 4, first_step: int = 0) -> Batches:
    clips = PreparedClips(prepared)
    order = SampleOrder(clips.ids("train"), global_batch=4, seed=5)
    share = Share(rank=rank, world=world, global_batch=4, micro_batch=micro_batch)
    return Batches(
        clips,
        order,
        share,
        collate=ByteText(length=16, width=8, hidden=4, kernel=3).collate,
        first_step=lambda: first_step,
    )


def test_two_processes_read_together_what_one_reads(prepared: Path) -> None:
    one = list(islice(batches(prepared), 6))
    two = [list(islice(batches(prepared, rank=rank, world=2, micro_batch=1), 12)) for rank in range(2)]
    for step, whole in enumerate(one):
        parts = [batch for rank in two for batch in rank if batch.step == step]
        assert sum((batch.clips for batch in parts), ()) == whole.clips
        assert sum((batch.samples for batch in parts), ()) == whole.samples == (0, 1, 2, 3)
        assert torch.equal(torch.cat([batch.latent_BCTHW for batch in parts]), whole.latent_BCTHW)
        assert torch.equal(torch.cat([batch.control["text_BL"] for batch in parts]), whole.control["text_BL"])


def test_resumed_batches_go_on_where_they_stopped(prepared: Path) -> None:
    whole, rest = list(islice(batches(prepared), 9)), list(islice(batches(prepared, first_step=5), 4))
    assert [batch.clips for batch in whole[5:]] == [batch.clips for batch in rest]


def test_read_that_hangs_does_not_keep_the_process_alive(prepared: Path) -> None:
    """Whoever stops training by hand, or the watch that finds it hanging, could otherwise never end it."""
    code = f"""
import sys, threading, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_batches import batches
hanging = batches(Path({str(prepared)!r}))
hanging.collate = lambda rows: time.sleep(10**6)
threading.Thread(target=lambda: next(iter(hanging)), daemon=True).start()
time.sleep(1)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_every_training_clip_is_seen_once_an_epoch(prepared: Path) -> None:
    ids = PreparedClips(prepared).ids("train")
    seen = [clip for batch in islice(batches(prepared), len(ids)) for clip in batch.clips]
    for epoch in range(4):
        assert np.array_equal(np.sort(seen[epoch * len(ids) : (epoch + 1) * len(ids)]), np.sort(ids))


def test_held_out_clips_are_spread_from_the_first_recording_to_the_last(prepared: Path) -> None:
    """One in every so many would be the first clip of each recording, where a control has not done anything yet."""
    clips = PreparedClips(prepared)
    every = clips.ids("held-out").tolist()
    assert clips.held_out(len(every)) == every
    few = clips.held_out(len(every) - 1)
    assert (few[0], few[-1]) == (every[0], every[-1])
    assert few == sorted({*few}) and len(few) == len(every) - 1
