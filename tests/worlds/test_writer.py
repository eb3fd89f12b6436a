from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cosmos_recipes.worlds.drawing import camera
from cosmos_recipes.worlds.factory import simulate
from cosmos_recipes.worlds.table import METADATA_KEY
from cosmos_recipes.worlds.video import read_video
from cosmos_recipes.worlds.writer import Name

LONG = """
import sys
from pathlib import Path
from cosmos_recipes.worlds.writer import write_world
if __name__ == "__main__":
    write_world(Path(sys.argv[1]), world="factory", episodes=40, held_out=4, frames=25, rate_hz=5.0, height_px=64,
                width_px=64, seed=7, codec="vp9", workers=int(sys.argv[2]))
"""


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_writes_the_same_bytes_in_one_process_or_several(write, tmp_path):
    write(tmp_path / "one", episodes=20)
    write(tmp_path / "two", episodes=20, workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    write(tmp_path / "other", episodes=20, seed=8)
    assert digests(tmp_path / "one")["episodes.parquet"] != digests(tmp_path / "other")["episodes.parquet"]


def test_the_table_tells_what_the_videos_show(write, tmp_path):
    write(tmp_path)
    table = pq.read_table(tmp_path / "episodes.parquet")
    assert [row["split"] for row in table.to_pylist()] == ["train"] * 3 + ["held-out"] * 2
    for row in table.to_pylist():
        episode = simulate(row["seed"])
        assert row["caption"] == episode.caption
        assert len(read_video(tmp_path / row["video"])) == row["num_frames"] == 25
        np.testing.assert_array_equal(row["gripper_xy_m"], episode.gripper_xy_m_T2)
        np.testing.assert_array_equal(row["action_dx_m_dy_m_grip"], episode.action_T3)
        assert [part["is_target"] for part in row["parts"]].index(True) == episode.target
        np.testing.assert_array_equal([part["xy_m"] for part in row["parts"]], episode.part_xy_m_PT2)
    stored = json.loads(table.schema.metadata[METADATA_KEY])
    assert stored["camera"]["pixels_per_metre"] == camera(64, 64).pixels_per_metre
    assert stored["settings"]["seed"] == 7
    assert "metres" in stored["notes"]["scene"]


def test_growing_a_world_keeps_what_it_had(write, tmp_path):
    write(tmp_path)
    before, rows = digests(tmp_path), pq.read_table(tmp_path / "episodes.parquet").to_pylist()
    write(tmp_path, episodes=5, held_out=3)
    after = digests(tmp_path)
    assert {name: after[name] for name in before if name != "episodes.parquet"} == {
        name: digest for name, digest in before.items() if name != "episodes.parquet"
    }
    grown = {row["episode_id"]: row for row in pq.read_table(tmp_path / "episodes.parquet").to_pylist()}
    assert len(grown) == 8
    assert all(grown[row["episode_id"]] == row for row in rows)
    write(tmp_path / "at-once", episodes=5, held_out=3)
    assert digests(tmp_path / "at-once") == after


def test_a_world_of_several_views_has_a_folder_for_each(write, tmp_path):
    write(tmp_path, world="cell", frames=6, episodes=2, held_out=1)
    before = digests(tmp_path)
    assert {name for name in before if name.startswith("videos/")} == {
        f"videos/{view}/{episode}.mp4"
        for view in ("front", "left", "right", "top")
        for episode in ("episode_000000", "episode_000001", "held_out_000000")
    }
    lost = tmp_path / "videos/left/episode_000001.mp4"
    lost.with_name("episode_000001.mp4.99.partial").write_bytes(lost.read_bytes()[:100])
    lost.unlink()
    write(tmp_path, world="cell", frames=6, episodes=2, held_out=1)
    assert digests(tmp_path) == before


def test_views_can_be_chosen_and_added_later(write, tmp_path):
    asked = {"world": "cell", "frames": 6, "episodes": 1, "held_out": 1}
    write(tmp_path / "some", **asked, views=["top", "front"])
    (first, _) = pq.read_table(tmp_path / "some" / "episodes.parquet").to_pylist()
    assert first["views"] == ["top", "front"]
    assert first["videos"] == ["videos/top/episode_000000.mp4", "videos/front/episode_000000.mp4"]
    assert not (tmp_path / "some" / "videos/left").exists()
    write(tmp_path / "every", **asked)
    (every, _) = pq.read_table(tmp_path / "every" / "episodes.parquet").to_pylist()
    for name in ("world_to_camera_m", "intrinsics"):
        assert first[name] == [every[name][3], every[name][0]]
    write(tmp_path / "some", **asked)
    assert digests(tmp_path / "some") == digests(tmp_path / "every")


@pytest.mark.parametrize("world", ["room", "cell", "road"])
def test_the_tables_of_the_other_worlds_explain_their_columns(write, tmp_path, world):
    write(tmp_path, world=world, frames=11, episodes=1, held_out=1, height_px=16, width_px=16)
    table = pq.read_table(tmp_path / "episodes.parquet")
    notes = json.loads(table.schema.metadata[METADATA_KEY])["notes"]
    assert all("metres" in note for name, note in notes.items() if name.endswith("_m"))
    assert {name for name in notes if name in ("pusher_m", "cars", "motion")} <= set(table.column_names)
    for row in table.to_pylist():
        assert row["num_frames"] == 11
        assert row["seed"] == Name(split=row["split"], index=0).seed(7)


def test_training_and_held_out_seeds_never_meet():
    for world_seed in (0, 1, 2**31 - 1):
        seeds = {
            split: {Name(split=split, index=i).seed(world_seed) for i in range(2000)} for split in ("train", "held-out")
        }
        assert not seeds["train"] & seeds["held-out"]
        assert max(seeds["train"] | seeds["held-out"]) < 2**63


def test_a_finished_world_is_left_alone_and_a_lost_video_is_written_again(write, tmp_path):
    write(tmp_path)
    before = digests(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    write(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    (tmp_path / "videos/episode_000001.mp4").unlink()
    write(tmp_path)
    assert digests(tmp_path) == before


def test_progress_is_told_from_what_is_there_to_the_end(write, tmp_path):
    write(tmp_path, episodes=2, held_out=1)
    told = []
    write(tmp_path, episodes=20, held_out=1, progress=lambda *step: told.append(step))
    assert told[0] == ("render", 3, 21)
    assert told[-1] == ("render", 21, 21)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_write_goes_on_to_the_same_folder(write, tmp_path, workers):
    write(tmp_path / "whole", episodes=40, held_out=4)
    folder, chance = tmp_path / "killed", random.Random(workers)
    script = tmp_path / "write.py"
    script.write_text(LONG)
    command = [sys.executable, str(script), str(folder), str(workers)]
    for wanted in (1, 12, 25):
        process = subprocess.Popen(command, start_new_session=True)
        while len(list(folder.glob("videos/*.mp4"))) < wanted:
            assert process.poll() is None
            time.sleep(0.005)
        time.sleep(0.03 * chance.random())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (folder / "episodes.parquet").exists()
        for video in folder.glob("videos/*.mp4"):
            assert len(read_video(video)) == 25
    subprocess.run(command, check=True)
    assert digests(folder) == digests(tmp_path / "whole")


def test_two_writers_of_one_folder_do_not_disturb_each_other(write, tmp_path):
    script = tmp_path / "write.py"
    script.write_text(LONG)
    both = [subprocess.Popen([sys.executable, str(script), str(tmp_path / "shared"), "1"]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    write(tmp_path / "alone", episodes=40, held_out=4)
    assert digests(tmp_path / "shared") == digests(tmp_path / "alone")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"height_px": 32}, "height_px 64 and not 32"),
        ({"seed": 8}, "seed 7 and not 8"),
        ({"codec": "mjpeg"}, "codec vp9 and not mjpeg"),
    ],
)
def test_a_folder_of_other_settings_is_refused_and_kept(write, tmp_path, change, told):
    write(tmp_path, episodes=1, held_out=0)
    before = digests(tmp_path)
    with pytest.raises(ValueError, match=told):
        write(tmp_path, **change)
    assert digests(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"world": "kitchen"}, "no world 'kitchen'"),
        ({"seed": -1}, "not -1"),
        ({"episodes": 0, "held_out": 0}, "at least one episode"),
        ({"width_px": 63}, "not 64x63"),
        ({"height_px": 8}, "not 8x64"),
        ({"frames": 5}, "not 5"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_written(write, tmp_path, change, told):
    with pytest.raises(ValueError, match=told):
        write(tmp_path / "world", **change)
    assert not (tmp_path / "world").exists()
