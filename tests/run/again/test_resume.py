"""A run that goes on with other packages or other data than it began with says so, or refuses to."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.run.again.conftest import FACTORY, write_videos
from tests.small_runs import command, environment, finish, only_run, start, steps_logged, wait_until, weights_hash


def resume(run: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "cosmos_recipes", "resume", str(run), *more]


def refused(arguments: list[str]) -> str:
    done = subprocess.run(arguments, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    return done.stderr


def torch_in(lock: Path) -> str:
    (found,) = re.findall(r"^  torch: (.*)$", lock.read_text(), re.MULTILINE)
    return str(found)


def say_torch(lock: Path, version: str) -> None:
    lock.write_text(lock.read_text().replace(f"torch: {torch_in(lock)}\n", f"torch: {version}\n"))


def test_a_run_goes_on_with_what_it_began_with_or_says_what_is_otherwise(tmp_path: Path) -> None:
    videos, again = tmp_path / "videos", command(FACTORY, tmp_path / "runs", dataset__use=tmp_path / "videos")
    write_videos(videos)
    process = start(again)
    wait_until(lambda: steps_logged(tmp_path / "runs", "factory") >= 3, process)
    process.kill()
    process.communicate()
    run = only_run(tmp_path / "runs", "factory")
    lock = run / "recipe.lock"
    here = torch_in(lock)
    say_torch(lock, "2.0.1")
    assert "CR240 `packages.torch` is not what the lock says" in refused(resume(run, "--frozen"))
    for words, unchanged in ((resume(run), 1), (again, 5)):
        told = finish(words)
        assert "drift: packages.torch: 2.0.1 in the lock" in told
        assert told.count("unchanged") == unchanged
    assert torch_in(lock) == torch_in(run / "package" / "recipe.lock") == "2.0.1", "what it was trained with"

    say_torch(lock, here)
    weights, (first, second, *_) = weights_hash(run / "train"), sorted(videos.iterdir())
    shutil.copyfile(second, first)
    assert f"CR240 `data.recordings.{first.name}` is not what the lock says" in refused(resume(run, "--frozen"))
    assert weights_hash(run / "train") == weights, "nothing is lost"
    say_torch(lock, "2.0.1")
    assert f"drift: data.recordings.{first.name}" in finish(resume(run))
    assert torch_in(lock) == here, "it was trained anew"
    assert "drift" not in finish(resume(run, "--frozen"))
