"""If these fail, processes that prepare the same data lose entries, make them twice, or wait for one that is dead."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cache_workers import content, files_up_to, fill_quietly, listed_keys, logged, maker, numbers, start

from cosmos_recipes.data.cache import Cache
from cosmos_recipes.data.cache.claims import Claims
from cosmos_recipes.data.cache.filling import Part
from cosmos_recipes.data.owners import Owner
from cosmos_recipes.diagnostics import RecipeError

COUNT = 120


def undisturbed(folder: Path) -> str:
    process = start(folder, COUNT, 0.0)
    process.join()
    assert process.exitcode == 0
    return content(folder / "cache")


def test_two_processes_share_the_work_and_nothing_is_made_twice(tmp_path: Path) -> None:
    workers = [start(tmp_path, COUNT, 0.005) for _ in range(2)]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    made = logged(tmp_path)
    assert sorted(number for _, number in made) == list(range(COUNT))
    assert len({process for process, _ in made}) == 2
    assert len(listed_keys(Cache(tmp_path / "cache"))) == COUNT
    assert not list((tmp_path / "cache" / "claims").iterdir())


def test_processes_killed_at_random_moments_lose_nothing_and_store_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    expected, chance = undisturbed(tmp_path / "whole"), random.Random(0)
    workers = [start(tmp_path, COUNT, 0.005) for _ in range(3)]
    for _ in range(6):
        before = len(logged(tmp_path))
        while len(made := logged(tmp_path)) == before and any(worker.is_alive() for worker in workers):
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.03))
        place = next((at for at, worker in enumerate(workers) if worker.pid == made[-1][0]), 0)
        workers[place].kill()
        workers[place] = start(tmp_path, COUNT, 0.005)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert len(logged(tmp_path)) > COUNT
    keys = listed_keys(Cache(tmp_path / "cache"))
    assert (len(keys), len(set(keys))) == (COUNT, COUNT)
    assert content(tmp_path / "cache") == expected
    fill_quietly(Cache(tmp_path / "cache"), numbers(COUNT), maker(lambda own: 1 / 0))
    assert not list((tmp_path / "cache" / "shards").glob(".*"))


def test_a_process_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    hanging = start(tmp_path, COUNT, 0.01)
    while not logged(tmp_path):
        time.sleep(0.01)
    os.kill(hanging.pid or 0, signal.SIGSTOP)
    other = start(tmp_path, COUNT, 0.0)
    other.join()
    os.kill(hanging.pid or 0, signal.SIGCONT)
    hanging.join()
    assert (hanging.exitcode, other.exitcode) == (0, 0)
    keys = listed_keys(Cache(tmp_path / "cache"))
    assert len(set(keys)) == COUNT


def test_a_lease_of_another_machine_is_taken_over_once_it_is_silent(tmp_path: Path) -> None:
    claims = Claims(tmp_path, silent_s=0.2)
    (tmp_path / "unit").write_text("elsewhere-1-1")
    with claims.claim("unit") as is_ours:
        assert not is_ours
    time.sleep(0.1)
    os.utime(tmp_path / "unit")
    with claims.claim("unit") as is_ours:
        assert not is_ours
    time.sleep(0.25)
    with claims.claim("unit") as is_ours, Claims(tmp_path).claim("unit") as is_theirs:
        assert (is_ours, is_theirs) == (True, False)
    assert not list(tmp_path.iterdir())


def test_machines_without_a_common_folder_take_parts(tmp_path: Path) -> None:
    made: list[int] = []
    for number in (3, 1, 2):
        fill_quietly(Cache("memory://parts"), numbers(2000), maker(made.extend), part=Part(number, 3))
    assert sorted(made) == list(range(2000))
    places = Cache("memory://parts").find(numbers(2000).keys)
    assert not len(places.missing)
    assert len(places.shards) > 3


def test_what_a_killed_process_left_half_written_is_swept_away(tmp_path: Path) -> None:
    worker = start(tmp_path, 1, 0.0)
    worker.join()
    shards = tmp_path / "cache" / "shards"
    lists = sorted(shards.glob("*.arrow"))
    ended, reused = (replace(Owner.here(), process=process, began="1") for process in (worker.pid, os.getpid()))
    for left in (ended, reused, Owner("elsewhere", 1, "1")):
        (shards / f".{left}.x.part").write_bytes(b"half")
    fill_quietly(Cache(tmp_path / "cache"), numbers(1))
    assert [path.name for path in shards.glob(".*")] == [".elsewhere-1-1.x.part"]
    assert sorted(shards.glob("*.arrow")) == lists


def test_a_process_of_another_machine_or_container_of_the_same_name_is_not_taken_for_dead(tmp_path: Path) -> None:
    """Names of hosts repeat, and a container sees no processes but its own: what it calls dead may be writing."""
    assert os.readlink("/proc/self/ns/pid").strip("pid:[]") in str(Owner.here())
    assert Path("/proc/sys/kernel/random/boot_id").read_text().partition("-")[0] in str(Owner.here())
    assert not Owner.parse(f"{os.uname().nodename}-{2**22}-1").is_gone
    assert replace(Owner.here(), process=2**22).is_gone


def test_a_disk_that_is_full_is_named_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    with files_up_to(2000), pytest.raises(RecipeError, match="CR584"):
        fill_quietly(cache, numbers(200))
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    fill_quietly(cache, numbers(200))
    assert len(set(listed_keys(cache))) == 200
