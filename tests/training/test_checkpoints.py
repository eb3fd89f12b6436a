"""If these fail, training waits for the disk, fills it, or keeps other checkpoints than the recipe says."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny import consumed, lines, tiny_plan, weights_hash

from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.training.fit import train


def checkpoints(run: Path) -> list[int]:
    return sorted(int(path.name[5:13]) for path in (run / "train" / "checkpoints").iterdir())


def test_checkpoints_are_kept_as_the_recipe_says(prepared: Path, tmp_path: Path) -> None:
    settings = {"steps": 40, "checkpoint_every": 4, "keep_checkpoints": 1, "keep_best": 2, "keep_every_h": 1e-9}
    train(tiny_plan(train=settings | {"keep_every_h": None}, every=2), tmp_path / "best", prepared)
    measured = {line["step"]: line["heldout_loss"] for line in lines(tmp_path / "best") if "heldout_loss" in line}
    best = sorted(range(4, 40, 4), key=lambda step: measured[step])[:2]
    assert checkpoints(tmp_path / "best") == sorted({*best, 36})
    train(tiny_plan(train=settings, every=4), tmp_path / "hourly", prepared)
    assert checkpoints(tmp_path / "hourly") == list(range(4, 40, 4))


def test_steps_go_on_while_the_disk_hangs_and_learn_of_its_failure(prepared: Path, tmp_path: Path) -> None:
    """The checkpoint is written into a pipe, first without a reader and then with one that goes away."""
    pipe = tmp_path / "train" / "checkpoints" / "step-00000040.ckpt.unfinished" / "__0_0.distcp"

    def progress(what: str, done: int, total: int) -> None:
        if 1 <= done < 40 and not pipe.exists():
            pipe.parent.mkdir(parents=True)
            os.mkfifo(pipe)
        if done > 60:
            os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))

    with pytest.raises(RecipeError, match="CR606") as raised:
        train(tiny_plan(train={"steps": 400, "checkpoint_every": 40}), tmp_path, prepared, progress=progress)
    assert "step-00000040.ckpt cannot be written" in raised.value.problems[0].message
    assert 60 < lines(tmp_path)[-1]["step"] <= 80


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """Let no file become larger than so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_loses_nothing(prepared: Path, tmp_path: Path, small_disk: Callable[[int], None]) -> None:
    plan = tiny_plan(train={"ema": 0.9})
    train(plan, tmp_path / "undisturbed", prepared)

    def fill(what: str, done: int, total: int) -> None:
        if checkpoint_of_4.exists():
            small_disk(100_000)

    checkpoint_of_4 = tmp_path / "full" / "train" / "checkpoints" / "step-00000004.ckpt"
    with pytest.raises(RecipeError, match="CR606") as raised:
        train(plan, tmp_path / "full", prepared, progress=fill)
    (problem,) = raised.value.problems
    assert "goes on from step-000000" in problem.hint, problem
    small_disk(resource.RLIM_INFINITY)
    train(plan, tmp_path / "full", prepared)
    assert weights_hash(tmp_path / "full") == weights_hash(tmp_path / "undisturbed")
    assert consumed(tmp_path / "full") == consumed(tmp_path / "undisturbed")
