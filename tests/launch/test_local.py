"""Training in two processes. If these fail, more processes give another model, hide errors, or outlive what started them."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from itertools import product
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tiny import (
    consumed,
    lines,
    losses,
    processes_of,
    run_training,
    tiny_plan,
    wait_for_step,
    weights_hash,
    write_base,
)

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.order import SampleOrder
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.launch.local import train
from cosmos_recipes.training.batches import PreparedClips


def with_strategy(plan: Plan, strategy: str) -> Plan:
    return plan.model_copy(update={"hardware": plan.hardware.model_copy(update={"strategy": strategy})})


@pytest.mark.parametrize(
    ("strategy", "finished_by", "adapters"),
    [("ddp", 1, False), ("fsdp2", 2, False), ("ddp", 2, True), ("fsdp2", 2, True)],
)
def test_two_processes_give_the_losses_of_one_also_after_an_interruption(
    prepared: Path, tmp_path: Path, strategy: str, finished_by: int, adapters: bool
) -> None:
    base = write_base(tmp_path / "base", prepared) if adapters else None
    # Muon normalises the small matrices of adapters in bf16, which makes much of how sums were rounded.
    optimizer = {"name": "adamw" if adapters else "muon"}
    training = {"ema": 0.9, "micro_batch": 1}
    plan = with_strategy(tiny_plan(train=training, optimizer=optimizer, every=5, base=base), strategy)
    train(with_strategy(plan, "single"), tmp_path / "one", prepared)
    process = run_training(plan, tmp_path / "two", prepared, nproc=2)
    wait_for_step(tmp_path / "two", 6, process)
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    stopped_at = lines(tmp_path / "two")[-1]["step"]
    assert (tmp_path / "two" / "train" / "checkpoints" / f"step-{stopped_at:08d}.ckpt").exists()
    assert processes_of(tmp_path / "two") == []
    seen: list[tuple[str, int, int]] = []
    result = train(plan, tmp_path / "two", prepared, nproc=finished_by, progress=lambda *step: seen.append(step))
    assert [line["step"] for line in lines(tmp_path / "two")] == list(range(1, 15))
    for name in ("loss", "heldout_loss", "heldout_loss_shuffled", "heldout_adherence"):
        one, two = ([line[name] for line in lines(tmp_path / run) if name in line] for run in ("one", "two"))
        # Two processes add up gradients in another order, which float32 rounds otherwise.
        assert two == pytest.approx(one, rel=2e-5)
    assert consumed(tmp_path / "two") == consumed(tmp_path / "one")
    assert result.final_loss == losses(tmp_path / "two")[-1]
    assert seen[-1][1:] == (14, 14)


def test_killing_the_command_leaves_no_process_behind(prepared: Path, tmp_path: Path) -> None:
    process = run_training(tiny_plan(train={"steps": 5000}), tmp_path, prepared, nproc=2)
    wait_for_step(tmp_path, 2, process)
    assert len(processes_of(tmp_path)) >= 4
    kill(process, tmp_path)
    assert processes_of(tmp_path) == []


def kill(process: subprocess.Popen[str], run: Path) -> None:
    """Kill the command and see its processes end."""
    process.kill()
    process.wait()
    deadline_s = time.monotonic() + 20
    while processes_of(run) and time.monotonic() < deadline_s:
        time.sleep(0.05)


def test_kills_at_any_moment_lose_no_sample_and_repeat_none(prepared: Path, tmp_path: Path) -> None:
    plan, chance = tiny_plan(train={"steps": 120, "checkpoint_every": 2, "micro_batch": 1}), random.Random(5)
    for nproc in (2, 1):
        done = lines(tmp_path)[-1]["step"] if lines(tmp_path) else 0
        process = run_training(plan, tmp_path, prepared, nproc=nproc)
        wait_for_step(tmp_path, done + 5, process)
        time.sleep(chance.uniform(0, 0.2))
        kill(process, tmp_path)
    assert lines(tmp_path)[-1]["step"] >= 10
    train(plan, tmp_path, prepared, nproc=2)
    log = pq.read_table(tmp_path / "train" / "samples.parquet").to_pydict()
    order = SampleOrder(PreparedClips(prepared).ids("train"), global_batch=4, seed=3)
    assert list(zip(log["step"], log["position"], strict=True)) == list(product(range(1, 121), range(4)))
    assert log["clip"] == [clip for step in range(120) for clip in order.batch(step)]


def test_error_of_a_process_is_the_error_of_the_command(prepared: Path, tmp_path: Path) -> None:
    """The checkpoint is another plan's: both processes refuse it, and the person reads that and nothing about torchrun."""
    train(tiny_plan(), tmp_path, prepared)
    (tmp_path / "train" / "result.json").unlink()
    with pytest.raises(RecipeError, match="CR603"):
        train(tiny_plan(optimizer={"lr": 1e-4}), tmp_path, prepared, nproc=2)


def test_batch_that_cannot_be_split_is_refused_before_anything_starts(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="CR601"):
        train(tiny_plan(), tmp_path, prepared, nproc=3)
    assert not (tmp_path / "train").exists()


def test_finished_training_is_not_repeated(prepared: Path, tmp_path: Path) -> None:
    first = train(tiny_plan(), tmp_path, prepared)
    before = weights_hash(tmp_path)
    assert train(tiny_plan(), tmp_path, prepared, nproc=2) == first
    assert weights_hash(tmp_path) == before
