"""If these fail, a kill while something is written leaves half a checkpoint, or a log that counts steps twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cosmos_recipes.files import commit, unfinished, whole
from cosmos_recipes.training.checkpoints import Checkpoints
from cosmos_recipes.training.log import StepLog
from cosmos_recipes.training.policy import Policy


def test_folder_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with whole(tmp_path / "model") as part:
            (part / "head").mkdir(parents=True)
            (part / "head" / content).write_text(content)
    assert [path.name for path in (tmp_path / "model" / "head").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_failure_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), whole(path) as part:
        part.write_text("half \ud800", encoding="utf-8")
    assert path.read_text() == "old"


def test_unfinished_checkpoints_are_ignored_and_removed(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", policy=Policy(last=2))
    checkpoints.folder.mkdir()
    for step in (8, 10, 100):
        path = checkpoints.folder / f"step-{step:08d}.ckpt"
        unfinished(path).write_text("state")
        commit(path)
    unfinished(checkpoints.folder / "step-00000200.ckpt").write_text("half")
    (unfinished(checkpoints.folder / "step-00000300.ckpt") / "shards").mkdir(parents=True)
    newest = checkpoints.newest()
    assert newest is not None and newest.name == "step-00000100.ckpt"
    checkpoints.tidy()
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["step-00000010.ckpt", "step-00000100.ckpt"]


def test_log_goes_on_from_the_resumed_step(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "log.jsonl")
    for step in (1, 2, 3, 4):
        log.append({"step": step, "loss": 1 / step})
        log.append({"stage": "prepare"})
    with log.path.open("a") as file:
        file.write('{"step": 5, "lo')
    log.resume(2)
    log.append({"step": 3, "loss": 0.5})
    assert [line["step"] for line in log.read()] == [1, 2, 3]
    assert sum("stage" in json.loads(line) for line in log.path.read_text().splitlines()) == 4


def test_log_that_was_never_written_can_be_resumed(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "log.jsonl")
    log.resume(0)
    assert log.read() == []
