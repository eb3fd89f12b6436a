"""Files of a run are whole or absent, and two processes never work in one run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.files import write_json, write_text
from cosmos_recipes.run.folder import only_process, read_json

HOLDER = """
import sys, time
from pathlib import Path
from cosmos_recipes.run.folder import only_process
with only_process(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "run" / ".lock"


@pytest.fixture
def holder(lock: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_refused_and_told_which_one_works(lock: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(RecipeError) as caught, only_process(lock):
        pass
    (problem,) = caught.value.problems
    assert problem.code == "CR650"
    assert f"process {holder.pid} is" in problem.message
    assert f"kill {holder.pid}" in problem.hint


def test_a_killed_process_leaves_the_run_free(lock: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    with only_process(lock):
        assert lock.read_text() == str(os.getpid())


def test_waiting_goes_on_when_the_other_is_done(lock: Path, holder: subprocess.Popen[str]) -> None:
    told: list[int] = []

    def wait(pid: int) -> None:
        told.append(pid)
        holder.kill()

    with only_process(lock, wait=wait):
        assert told == [holder.pid]


def test_one_process_may_hold_it_again_and_again(lock: Path) -> None:
    for _ in range(2):
        with only_process(lock):
            assert lock.exists()


def test_json_comes_back_and_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "a.json", {"b": [1, 2.5, None]})
    assert read_json(tmp_path / "deep" / "a.json") == {"b": [1, 2.5, None]}
    assert read_json(tmp_path / "none.json") is None


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    write_text(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "\udc80")
    assert file.read_text() == "old"
