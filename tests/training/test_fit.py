"""Training through NeMo in one process. If these fail, a run that was stopped gives other weights than one that was not.

Every run here is a real one of a tiny model: NeMo's trainer and experiment manager, files, signals.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import consumed, lines, losses, run_training, tiny_plan, weights_hash, write_base

from cosmos_recipes.backbones.objectives import NoiseSampling
from cosmos_recipes.compiler.emit import emit, write_files
from cosmos_recipes.data.cache.shards import ENTRIES
from cosmos_recipes.data.latents import Latents
from cosmos_recipes.data.order import SampleOrder
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.training.batches import PreparedClips
from cosmos_recipes.training.fit import train
from cosmos_recipes.training.world_model import WorldModel


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


def interrupt_after(step: int, number: int = signal.SIGINT) -> Callable[[str, int, int], None]:
    """Return progress that sends this process a signal, once, when it hears of a step after `step`."""
    sent: list[int] = []

    def progress(what: str, done: int, total: int) -> None:
        if done > step and not sent:
            sent.append(done)
            os.kill(os.getpid(), number)

    return progress


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        ("muon", {"ema": 0.9}),
        ("adamw", {"ema": 0.9, "micro_batch": 2}),
        ("muon", {"precision": "bf16", "log_every": 5}),
        ("muon", {"method": "lora", "ema": 0.9}),
        ("adamw", {"method": "lora", "micro_batch": 2}),
    ],
)
def test_interrupted_training_ends_in_the_same_weights_and_log(
    prepared: Path, tmp_path: Path, optimizer: str, settings: dict[str, object]
) -> None:
    base = write_base(tmp_path / "base", prepared) if "method" in settings else None
    plan = tiny_plan(train=settings, optimizer={"name": optimizer, "head_lr": 0.01}, every=6, base=base)
    train(plan, tmp_path / "undisturbed", prepared)
    with pytest.raises(KeyboardInterrupt):
        train(plan, tmp_path / "stopped", prepared, progress=interrupt_after(1))
    assert not (tmp_path / "stopped" / "train" / "result.json").exists()
    train(plan, tmp_path / "stopped", prepared)
    assert weights_hash(tmp_path / "stopped") == weights_hash(tmp_path / "undisturbed")
    assert consumed(tmp_path / "stopped") == consumed(tmp_path / "undisturbed")
    for name in ("step", "loss", "lr", "grad_norm", "heldout_loss"):
        ours, theirs = ([line.get(name) for line in lines(tmp_path / run)] for run in ("stopped", "undisturbed"))
        assert ours == theirs


def test_interruption_saves_the_step_that_it_came_in(prepared: Path, tmp_path: Path) -> None:
    """Between checkpoints, which are 100 steps apart here, everything would be lost."""
    plan = tiny_plan(train={"checkpoint_every": 100})
    with pytest.raises(KeyboardInterrupt):
        train(plan, tmp_path, prepared, progress=interrupt_after(2))
    last = lines(tmp_path)[-1]["step"]
    assert [path.name for path in (tmp_path / "train" / "checkpoints").iterdir()] == [f"step-{last:08d}.ckpt"]
    assert 2 < last < 14


def test_second_interruption_does_not_wait(prepared: Path, tmp_path: Path) -> None:
    def impatient(what: str, done: int, total: int) -> None:
        if done > 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tiny_plan(), tmp_path, prepared, progress=impatient)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_signals_have_their_handlers_back(prepared: Path, tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    train(tiny_plan(train={"steps": 2}), tmp_path, prepared)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_finished_training_is_not_repeated(prepared: Path, tmp_path: Path) -> None:
    plan = tiny_plan()
    first = train(plan, tmp_path, prepared)
    written = (tmp_path / "train" / "model" / "head" / "model.safetensors").stat().st_mtime_ns
    assert train(plan, tmp_path, prepared) == first
    assert (tmp_path / "train" / "model" / "head" / "model.safetensors").stat().st_mtime_ns == written
    assert first.steps == 14 and first.final_loss == losses(tmp_path)[-1]


def test_time_is_counted_over_resumes(prepared: Path, tmp_path: Path) -> None:
    plan = tiny_plan()
    with pytest.raises(KeyboardInterrupt):
        train(plan, tmp_path, prepared, progress=interrupt_after(4))
    spent_s = lines(tmp_path)[-1]["seconds"]
    result = train(plan, tmp_path, prepared)
    seconds = [line["seconds"] for line in lines(tmp_path)]
    assert seconds == sorted(seconds)
    assert result.seconds > spent_s


def test_old_checkpoints_are_removed_also_after_a_resume(prepared: Path, tmp_path: Path) -> None:
    plan = tiny_plan(train={"checkpoint_every": 2, "keep_checkpoints": 2})
    with pytest.raises(KeyboardInterrupt):
        train(plan, tmp_path, prepared, progress=interrupt_after(4))
    left = tmp_path / "train" / "checkpoints" / "step-00000099.ckpt.unfinished"
    left.write_text("half a checkpoint")
    train(plan, tmp_path, prepared)
    assert sorted(path.name for path in left.parent.iterdir()) == ["step-00000010.ckpt", "step-00000012.ckpt"]


@pytest.mark.parametrize("settings", [{"micro_batch": 2}, {"micro_batch": 3}, {"micro_batch": 1}])
def test_accumulation_changes_no_loss(prepared: Path, tmp_path: Path, settings: dict[str, object]) -> None:
    train(tiny_plan(), tmp_path / "whole", prepared)
    train(tiny_plan(train=settings), tmp_path / "parts", prepared)
    assert losses(tmp_path / "parts") == pytest.approx(losses(tmp_path / "whole"), abs=1e-5)


def test_checkpointed_activations_change_no_loss(prepared: Path, tmp_path: Path) -> None:
    plan = tiny_plan(train={"steps": 4})
    hardware = plan.hardware.model_copy(update={"recompute": "full"})
    train(plan, tmp_path / "kept", prepared)
    train(plan.model_copy(update={"hardware": hardware}), tmp_path / "recomputed", prepared)
    assert losses(tmp_path / "recomputed") == pytest.approx(losses(tmp_path / "kept"), abs=1e-6)


def test_trained_model_loads_and_is_the_average(prepared: Path, tmp_path: Path) -> None:
    train(tiny_plan(train={"ema": 0.9}), tmp_path / "averaged", prepared)
    train(tiny_plan(), tmp_path / "plain", prepared)
    head = [
        load_file(tmp_path / run / "train" / "model" / "head" / "model.safetensors") for run in ("averaged", "plain")
    ]
    assert not torch.equal(head[0]["position_LD"], head[1]["position_LD"])
    model = WorldModel.from_pretrained(tmp_path / "averaged" / "train" / "model")
    video_BCTHW = torch.randint(0, 256, (1, 3, 1, 32, 32), dtype=torch.uint8)
    video = model.generate(
        video_BCTHW, model.null(1), frames=5, sampling=NoiseSampling(steps=2), guidance=1.0, seeds=[0]
    )
    assert video.shape == (1, 3, 5, 32, 32)


def test_training_learns(prepared: Path, tmp_path: Path) -> None:
    train(tiny_plan(train={"steps": 80, "log_every": 10, "checkpoint_every": 80}, every=40), tmp_path, prepared)
    held_out = [line["heldout_loss"] for line in lines(tmp_path) if "heldout_loss" in line]
    assert losses(tmp_path)[-1] < 0.8 * losses(tmp_path)[0]
    assert held_out[1] < held_out[0]


def test_adherence_while_training_begins_at_one_and_leaves_it(prepared: Path, tmp_path: Path) -> None:
    """A head that does not reach the network shows while training, not after the money is spent: it stays at one."""
    train(tiny_plan(train={"steps": 40, "checkpoint_every": 40}, every=1), tmp_path, prepared)
    measured = [line["heldout_adherence"] for line in lines(tmp_path)]
    assert measured[0] == 1
    assert measured[-1] != 1
    assert {"heldout_loss_shuffled", "heldout_loss_none"} <= lines(tmp_path)[-1].keys()


def test_a_model_without_a_control_has_no_adherence(prepared: Path, tmp_path: Path) -> None:
    train(tiny_plan(train={"steps": 2}, every=1, head="none"), tmp_path, prepared)
    assert "heldout_loss" in lines(tmp_path)[0] and "heldout_adherence" not in lines(tmp_path)[0]


def test_loss_that_is_not_finite_is_named_and_nothing_is_overwritten(prepared: Path, tmp_path: Path) -> None:
    """One clip's latent is damaged: the message names the clip and the step, and keeps what was saved before it."""
    damaged = tmp_path / "prepared"
    shutil.copytree(prepared, damaged)
    (shard,) = (damaged / "latents").glob("*.safetensors")
    latents = load_file(shard)
    order = SampleOrder(PreparedClips(prepared).ids("train"), global_batch=4, seed=3)
    clip, step = _clip_first_seen_late(order)
    latents[ENTRIES][Latents(damaged / "latents").row_of[clip]] = float("inf")
    save_file(latents, shard)
    with pytest.raises(RecipeError, match="CR602") as raised:
        train(tiny_plan(train={"checkpoint_every": 1}), tmp_path / "run", damaged)
    (problem,) = raised.value.problems
    assert f"at step {step}:" in problem.message and f"in the clips {clip}" in problem.found
    checkpoints = sorted(path.name for path in (tmp_path / "run" / "train" / "checkpoints").iterdir())
    assert checkpoints[-1] == f"step-{step - 1:08d}.ckpt" and checkpoints[-1] in problem.hint
    assert not (tmp_path / "run" / "train" / "model").exists()


def _clip_first_seen_late(order: SampleOrder) -> tuple[int, int]:
    """Return a clip that no step before the fourth sees, and the first step, from 1, that does."""
    seen = {clip for step in range(3) for clip in order.batch(step).tolist()}
    return next((clip, step + 1) for step in range(3, 14) for clip in order.batch(step).tolist() if clip not in seen)


def test_checkpoint_of_another_plan_is_refused(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tiny_plan(), tmp_path, prepared, progress=interrupt_after(4))
    with pytest.raises(RecipeError, match="CR603"):
        train(tiny_plan(optimizer={"lr": 1e-4}), tmp_path, prepared)


def test_tensorboard_is_written_when_asked(prepared: Path, tmp_path: Path) -> None:
    train(tiny_plan(train={"steps": 3, "tensorboard": True}), tmp_path / "asked", prepared)
    train(tiny_plan(train={"steps": 3}), tmp_path / "not", prepared)
    assert list((tmp_path / "asked").rglob("events.out.tfevents.*"))
    assert not list((tmp_path / "not").rglob("events.out.tfevents.*"))


@pytest.mark.parametrize("step", [3, 17])
def test_killed_training_ends_in_the_same_weights(prepared: Path, tmp_path: Path, step: int) -> None:
    plan = tiny_plan(train={"steps": 30, "ema": 0.9})
    train(plan, tmp_path / "undisturbed", prepared)
    process = run_training(plan, tmp_path / "killed", prepared)
    while process.poll() is None and not any(line["step"] >= step for line in lines(tmp_path / "killed")):
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    train(plan, tmp_path / "killed", prepared)
    assert weights_hash(tmp_path / "killed") == weights_hash(tmp_path / "undisturbed")
    assert consumed(tmp_path / "killed") == consumed(tmp_path / "undisturbed")
    assert [line["step"] for line in lines(tmp_path / "killed")] == list(range(1, 31))


def test_log_of_samples_says_what_was_trained_on(prepared: Path, tmp_path: Path) -> None:
    """Each clip of each step, in the order that the seed gives, and the recordings of these clips by name."""
    train(tiny_plan(train={"micro_batch": 2}), tmp_path, prepared)
    log, clips = pq.read_table(tmp_path / "train" / "samples.parquet").to_pydict(), PreparedClips(prepared)
    order = SampleOrder(clips.ids("train"), global_batch=4, seed=3)
    drawn = [order.samples(step) for step in range(14)]
    assert list(zip(log["step"], log["position"], strict=True)) == [(n, k) for n in range(1, 15) for k in range(4)]
    assert log["clip"] == [clip for samples in drawn for clip in samples.clips_N]
    assert log["epoch"] == [epoch for samples in drawn for epoch in samples.epochs_N]
    assert set(log["part"]) == {0} and max(log["epoch"]) == 56 // len(clips.ids("train"))
    assert log["recording"] == [clips.index.row(clip)["name"] for clip in log["clip"]]
    assert not (tmp_path / "train" / "samples").exists()


def test_model_that_is_made_again_keeps_the_log_of_samples(prepared: Path, tmp_path: Path) -> None:
    """The last checkpoint is of step 12: the rows before it come from the finished log."""
    train(tiny_plan(), tmp_path, prepared)
    weights, log = weights_hash(tmp_path), consumed(tmp_path)
    shutil.rmtree(tmp_path / "train" / "model")
    train(tiny_plan(), tmp_path, prepared)
    assert (weights_hash(tmp_path), consumed(tmp_path)) == (weights, log)


def test_command_of_the_run_folder_trains_and_says_so(prepared: Path, tmp_path: Path) -> None:
    """`launch.sh` of a run starts this command; a stranger sees progress and no banner."""
    write_files(emit(tiny_plan()), tmp_path)
    (tmp_path / "prepare").symlink_to(prepared)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "cosmos_recipes.training", "--config-path", ".", "--config-name", "nemo"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert [line for line in ended.stderr.splitlines() if not line.startswith("train  ")] == []
    assert json.loads((tmp_path / "train" / "result.json").read_text())["steps"] == 14
