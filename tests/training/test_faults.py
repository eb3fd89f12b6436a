"""What goes wrong on rented machines. If these fail, a run is lost, hangs at full price, or does not say what happened."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from safetensors.torch import load_file, save_file
from tiny import (
    consumed,
    lines,
    log,
    losses,
    process_of,
    processes_of,
    run_training,
    tiny_plan,
    wait_for_step,
    weights_hash,
)

from cosmos_recipes.compiler.emit import emit, write_files
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.cache.shards import ENTRIES, TENSOR
from cosmos_recipes.data.latents import LIST, Latents
from cosmos_recipes.data.order import SampleOrder
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.launch.local import train
from cosmos_recipes.training.batches import PreparedClips
from cosmos_recipes.training.stopping import STOPPED

KILLS = 10
PATIENCE_S = 300


def on(plan: Plan, **hardware: object) -> Plan:
    return plan.model_copy(update={"hardware": plan.hardware.model_copy(update=hardware)})


def text(error: RecipeError) -> str:
    (problem,) = error.problems
    return " ".join((problem.code, problem.message, problem.found, problem.hint))


def end_of(process: subprocess.Popen[str]) -> int:
    """Return the exit code of a process that has to end by itself."""
    try:
        return process.wait(PATIENCE_S)
    finally:
        process.kill()


def test_a_random_process_killed_ten_times_changes_no_weight(prepared: Path, tmp_path: Path) -> None:
    plan = tiny_plan(train={"steps": 6 * KILLS + 10, "checkpoint_every": 3, "micro_batch": 1, "ema": 0.9})
    train(plan, tmp_path / "undisturbed", prepared, nproc=2)
    run, chance = tmp_path / "killed", random.Random(7)
    for kill in range(KILLS):
        process, rank = run_training(plan, run, prepared, nproc=2), chance.randrange(2)
        wait_for_step(run, 6 * kill + chance.randrange(4, 9), process)
        os.kill(process_of(run, rank), signal.SIGKILL)
        assert end_of(process) != 0
        said = (run / "output.txt").read_text()
        assert said.count("was killed") == kill + 1
        assert said.rpartition("CR604 process ")[2].startswith(f"{rank} of the training was killed")
        assert processes_of(run) == []
    train(plan, run, prepared, nproc=2)
    assert weights_hash(run) == weights_hash(tmp_path / "undisturbed")
    assert consumed(run) == consumed(tmp_path / "undisturbed")
    assert len([line for line in log(run) if line.get("event") == "start"]) == KILLS + 1


def test_a_job_told_to_stop_saves_and_says_that_it_goes_on(prepared: Path, tmp_path: Path) -> None:
    """Schedulers start what ends with 75 again; NeMo would end with 0, which says that all is done."""
    plan = on(tiny_plan(train={"steps": 5000, "checkpoint_every": 5000}), devices=2, strategy="ddp")
    write_files(emit(plan), tmp_path)
    (tmp_path / "prepare").symlink_to(prepared)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    process = subprocess.Popen([tmp_path / "launch.sh"], env=environment, stderr=subprocess.DEVNULL, text=True)
    wait_for_step(tmp_path, 3, process)
    process.send_signal(signal.SIGTERM)
    assert end_of(process) == STOPPED
    (checkpoint,) = (tmp_path / "train" / "checkpoints").iterdir()
    assert checkpoint.name == f"step-{lines(tmp_path)[-1]['step']:08d}.ckpt"


@pytest.fixture
def damaged(prepared: Path, tmp_path: Path) -> tuple[Path, int]:
    """A prepared folder in which the latent of one clip is infinite, and that clip."""
    folder = tmp_path / "damaged"
    shutil.copytree(prepared, folder)
    (shard,) = (folder / "latents").glob("*.safetensors")
    latents = load_file(shard)
    clip = first_clip_of(prepared, rank=1, after=4)[0]
    latents[ENTRIES][Latents(folder / "latents").row_of[clip]] = float("inf")
    save_file(latents, shard)
    return folder, clip


def first_clip_of(prepared: Path, *, rank: int, after: int) -> tuple[int, int]:
    """Return a clip that no process reads before a step, and then one of two does, and that step, both from 0."""
    order = SampleOrder(PreparedClips(prepared).ids("train"), global_batch=4, seed=3)
    seen = {clip for step in range(after) for clip in order.batch(step).tolist()}
    halves = [(step, clip) for step in range(after, 14) for clip in order.batch(step).tolist()[2 * rank :][:2]]
    step, clip = next((step, clip) for step, clip in halves if clip not in seen)
    return clip, step


def test_broken_steps_are_dropped_by_all_processes_and_named(damaged: tuple[Path, int], tmp_path: Path) -> None:
    folder, clip = damaged
    plan = tiny_plan(train={"skip_not_finite": 9, "micro_batch": 1, "ema": 0.9})
    for name, nproc in (("one", 1), ("two", 2)):
        train(plan, tmp_path / name, folder, nproc=nproc)
    dropped = {each["step"]: each for line in lines(tmp_path / "one") for each in line.get("dropped", [])}
    name = PreparedClips(folder).index.row(clip)["name"]
    assert dropped and all(each["recordings"] == [name] for each in dropped.values())
    kept = [line["step"] for line in lines(tmp_path / "one") if "loss" in line]
    assert sorted([*kept, *dropped]) == list(range(1, 15))
    one, two = ([line["loss"] for line in lines(tmp_path / run) if "loss" in line] for run in ("one", "two"))
    assert two == pytest.approx(one, rel=2e-5)
    files = [(tmp_path / run / "train" / "not-finite.jsonl").read_text().splitlines() for run in ("one", "two")]
    assert [len(file) for file in files] == [len(dropped)] * 2


def test_more_broken_steps_than_allowed_end_training_which_goes_on_when_more_are(
    damaged: tuple[Path, int], tmp_path: Path
) -> None:
    folder, clip = damaged
    train(tiny_plan(train={"skip_not_finite": 9}), tmp_path / "free", folder)
    with pytest.raises(RecipeError, match="CR602") as raised:
        train(tiny_plan(train={"skip_not_finite": 1}), tmp_path / "run", folder)
    assert f"in the clips {clip}; recordings {PreparedClips(folder).index.row(clip)['name']}" in text(raised.value)
    train(tiny_plan(train={"skip_not_finite": 9}), tmp_path / "run", folder)
    assert weights_hash(tmp_path / "run") == weights_hash(tmp_path / "free")
    assert [line.get("loss") for line in lines(tmp_path / "run")] == [
        line.get("loss") for line in lines(tmp_path / "free")
    ]


def hang_on(prepared: Path, clip: int) -> None:
    """Move a clip's latent into a file that cannot be opened: a pipe that nobody writes to."""
    folder = prepared / "latents"
    table = pa.ipc.open_file(folder / LIST).read_all()
    shards = [1 if number == clip else shard for number, shard in enumerate(table["shard"].to_pylist())]
    names = table.schema.metadata[b"shards"].decode().removesuffix("]") + ', "hanging"]'
    column = pa.array(shards, table.schema.field("shard").type)
    table = table.set_column(table.schema.get_field_index("shard"), "shard", column)
    table = table.replace_schema_metadata({**table.schema.metadata, b"shards": names.encode()})
    (folder / LIST).unlink()
    with pa.ipc.new_file(folder / LIST, table.schema) as file:
        file.write_table(table.combine_chunks())
    os.mkfifo(folder / f"hanging{TENSOR}")


def test_data_that_hangs_in_one_process_is_named(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hanging"
    shutil.copytree(prepared, folder)
    clip, step = first_clip_of(prepared, rank=1, after=4)
    hang_on(folder, clip)
    plan = on(tiny_plan(train={"checkpoint_every": 1}), stall_s=8)
    with pytest.raises(RecipeError, match="CR610") as raised:
        train(plan, tmp_path / "run", folder, nproc=2)
    said, failures = text(raised.value), tmp_path / "run" / "train" / "failures"
    assert f"process 1 waited for data, the batches of step {step + 1}, in `_shard` (latents.py:" in said
    assert "process 0 waited for another process, in `" in said
    assert all("latents.py" in (failures / f"stacks-{rank}.txt").read_text() or rank == 0 for rank in range(2))
    assert "all_reduce" in (failures / "stacks-0.txt").read_text() or "backward" in said
    train(plan, tmp_path / "run", prepared)
    assert len(losses(tmp_path / "run")) == 14


def test_a_process_that_does_not_answer_is_named_by_the_others(prepared: Path, tmp_path: Path) -> None:
    plan = on(tiny_plan(train={"steps": 5000}), stall_s=8)
    process = run_training(plan, tmp_path, prepared, nproc=2)
    wait_for_step(tmp_path, 3, process)
    os.kill(process_of(tmp_path, 1), signal.SIGSTOP)
    assert end_of(process) != 0
    said = (tmp_path / "output.txt").read_text()
    assert "CR610" in said
    assert "process 0 waited for another process" in said and "process 1 did not answer" in said
    assert processes_of(tmp_path) == []


HOLDS_THE_LOCK = """
import ctypes, sys
from pathlib import Path
from cosmos_recipes.training.watch import Watch
Watch(Path(sys.argv[1]), rank=3, world=4, limit_s=1, say=print).start()
def hang():
    ctypes.PyDLL(None).sleep(1000)
hang()
"""


def test_library_that_never_gives_python_back_is_ended_too(tmp_path: Path) -> None:
    began_s = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", HOLDS_THE_LOCK, tmp_path], timeout=PATIENCE_S, check=False)
    assert ended.returncode != 0 and time.monotonic() - began_s < 100
    assert "in hang" in (tmp_path / "stacks-3.txt").read_text()


def test_one_process_that_hangs_says_so_where_it_was_started(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hanging"
    shutil.copytree(prepared, folder)
    hang_on(folder, first_clip_of(prepared, rank=0, after=0)[0])
    process = run_training(on(tiny_plan(), stall_s=3), tmp_path / "run", folder)
    assert end_of(process) == 4
    assert "waited for data, the batches of step 1" in (tmp_path / "run" / "output.txt").read_text()
