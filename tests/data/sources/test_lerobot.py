"""If these fail, a robot's episodes are read with frames, actions or tasks of another episode, or are not read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lerobot_trees import (
    CAMERAS,
    LENGTHS,
    TASKS,
    rows,
    tasks_of,
    write_info,
    write_packed,
    write_single,
    write_task_lines,
)
from videos import number_of

from cosmos_recipes.data.recording import Media, Recording
from cosmos_recipes.data.sources import source_class
from cosmos_recipes.data.sources.lerobot import LeRobotSource
from cosmos_recipes.data.sources.lerobot_meta import Feature, Meta
from cosmos_recipes.diagnostics import RecipeError


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_single(tmp_path_factory.mktemp("v21"))


@pytest.fixture(scope="module", params=["h264", "av1"])
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_packed(tmp_path_factory.mktemp("v30"), codec=request.param)


def read(root: Path, **settings: Any) -> list[Recording]:
    return list(LeRobotSource(path=str(root), **settings).recordings(root, lambda *_: None))


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(RecipeError) as refused:
        act()
    assert all(problem.place and problem.place.file for problem in refused.value.problems)
    return refused.value.problems[0].code


def frames(media: Media) -> Iterator[np.ndarray]:
    """Yield frame_CHW of the part of a file that is meant."""
    with av.open(str(media.path)) as container:
        for frame in container.decode(video=0):
            if (media.start_s or 0) <= frame.time < (media.end_s or np.inf):
                yield frame.to_ndarray(format="rgb24").transpose(2, 0, 1)


def require_whole(found: list[Recording]) -> None:
    """Every view shows the frames of its own episode from 0 to the end, and every row is one of its own."""
    assert [recording.name for recording in found] == [f"episode_{k:06d}" for k in range(len(LENGTHS))]
    for episode, (recording, length) in enumerate(zip(found, LENGTHS, strict=True)):
        assert tuple(recording.views) == CAMERAS
        for media in recording.views.values():
            assert [number_of(frame) for frame in frames(media)] == list(range(length))
        own = (100 * episode + np.arange(length)).astype(np.float32)
        np.testing.assert_array_equal(recording.values["observation.state"], own[:, None].repeat(3, 1))
        np.testing.assert_array_equal(recording.values["gripper"], own[:, None])
        np.testing.assert_array_equal(recording.values["turn"][:, 0, 0], own)
        assert recording.values["turn"].shape == (length, 2, 2)
        assert recording.values["said"].tolist() == [f"frame {k}" for k in range(length)]
        assert recording.times_s is not None
        np.testing.assert_allclose(recording.times_s, np.arange(length) / 10, atol=1e-6)
        first = tasks_of(episode)[0]
        assert recording.values["task"] == TASKS[first]
        assert recording.values["tasks"].tolist() == ([TASKS[1], TASKS[0]] if episode == 2 else [TASKS[first]])


def test_a_tree_of_an_episode_a_file_is_read(single: Path) -> None:
    require_whole(read(single))
    description = source_class("lerobot")(path=str(single)).describe()
    assert (description.codecs, description.recordings) == ({"h264": 8}, 4)
    assert (description.rate_hz, description.frames, description.problems) == (10, None, ())


def test_a_tree_of_many_episodes_a_file_is_read(packed: Path) -> None:
    require_whole(read(packed))
    description = LeRobotSource(path=str(packed)).describe()
    assert (sum(description.codecs.values()), description.recordings, description.problems) == (4, 4, ())


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=30),
    st.sampled_from([1, 5, 10, 15, 24, 29.97, 30, 50, 60, 120]),
    st.sampled_from([15360, 12800, 90000, 1000, 16384]),
)
def test_an_episode_is_exactly_its_own_frames(lengths: list[int], rate_hz: float, ticks_per_s: int) -> None:
    """The container rounds the time of each frame to its ticks, and LeRobot adds up durations as floats."""
    ends_s = list(accumulate(length / rate_hz for length in lengths))
    of = f"videos/{CAMERAS[0]}"
    table = [
        {
            "episode_index": episode,
            "length": length,
            "data/chunk_index": 0,
            "data/file_index": 0,
            f"{of}/chunk_index": 0,
            f"{of}/file_index": 0,
            f"{of}/from_timestamp": end_s - length / rate_hz,
            f"{of}/to_timestamp": end_s,
        }
        for episode, (length, end_s) in enumerate(zip(lengths, ends_s, strict=True))
    ]
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_info(root, "v3.0", fps=rate_hz, features={CAMERAS[0]: {"dtype": "video", "shape": [64, 96, 3]}})
        (root / "meta" / "episodes").mkdir()
        pq.write_table(pa.Table.from_pylist(table), root / "meta" / "episodes" / "file-000.parquet")
        episodes = Meta(root).episodes
    times_s = np.round(np.arange(sum(lengths)) / rate_hz * ticks_per_s) / ticks_per_s
    for episode, first in zip(episodes, accumulate(lengths, initial=0), strict=False):
        media = episode.views[CAMERAS[0]]
        assert media.start_s is not None
        assert media.end_s is not None
        chosen = np.flatnonzero((times_s >= media.start_s) & (times_s < media.end_s))
        assert chosen.tolist() == list(range(first, first + episode.length))


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({"episodes": [2, 0, 2]}, [0, 2]),
        ({"episodes": "1:3"}, [1, 2]),
        ({"episodes": ":2"}, [0, 1]),
        ({"episodes": "3:"}, [3]),
    ],
)
def test_some_episodes_of_one_camera_can_be_chosen(single: Path, chosen: dict[str, Any], names: list[int]) -> None:
    found = read(single, **chosen, cameras=[CAMERAS[1]])
    assert [recording.name for recording in found] == [f"episode_{k:06d}" for k in names]
    assert all(tuple(recording.views) == (CAMERAS[1],) for recording in found)


def test_what_is_not_there_cannot_be_chosen(single: Path) -> None:
    for wrong in ({"episodes": [9]}, {"episodes": "50:"}, {"cameras": ["top"]}):
        assert refusal(LeRobotSource(path=str(single), **wrong).describe) == "CR532"
    assert refusal(LeRobotSource(path=str(single / "gone")).describe) == "CR500"


def test_splits_other_than_train_are_held_out(tmp_path: Path, single: Path) -> None:
    copytree(single, tmp_path, dirs_exist_ok=True)
    write_info(tmp_path, "v2.1", splits={"train": "0:2", "val": "2:3", "test": "3:4"})
    assert [recording.split for recording in read(tmp_path)] == ["train", "train", "held-out", "held-out"]
    # Without one of either kind, the index holds out some.
    assert {recording.split for recording in read(tmp_path, episodes=":2")} == {None}
    write_info(tmp_path, "v2.0", splits={"train": "all"})
    assert [recording.split for recording in read(tmp_path)] == [None] * 4
    write_info(tmp_path, "v2.1", splits={"val": "all"})
    assert refusal(lambda: read(tmp_path)) == "CR530"


def test_names_of_elements_are_kept_in_whatever_form_they_were_written(single: Path) -> None:
    features = LeRobotSource(path=str(single)).features()
    names = {name: feature.element_names for name, feature in features.items()}
    assert names["observation.state"] == ("shoulder", "elbow", "hand")
    assert names["action"] == ("left", "right")
    assert names["gripper"] == ("close",)
    assert names["turn"] == ()
    assert (features["turn"].dtype, features["turn"].shape) == ("float32", (2, 2))
    assert Feature(dtype="float32", names={"b": 1, "a": 0}).element_names == ("a", "b")


def test_tasks_may_stand_in_lines_in_the_new_version_too(tmp_path: Path) -> None:
    write_packed(tmp_path)
    (tmp_path / "meta" / "tasks.parquet").unlink()
    # Without any table of tasks, the episodes say their own, in no order.
    assert [recording.values["task"] for recording in read(tmp_path)][2] == TASKS[0]
    write_task_lines(tmp_path)
    assert [recording.values["task"] for recording in read(tmp_path)][2] == TASKS[1]


def test_missing_files_are_named_and_the_rest_is_read(tmp_path: Path, single: Path) -> None:
    copytree(single, tmp_path, dirs_exist_ok=True)
    video = tmp_path / "videos" / "chunk-000" / CAMERAS[1] / "episode_000001.mp4"
    table = tmp_path / "data" / "chunk-000" / "episode_000002.parquet"
    damaged = tmp_path / "data" / "chunk-001" / "episode_000003.parquet"
    video.unlink()
    table.unlink()
    damaged.write_bytes(damaged.read_bytes()[:100])
    problems = LeRobotSource(path=str(tmp_path)).describe().problems
    assert [(problem.code, problem.place and problem.place.file) for problem in problems] == [
        ("CR533", str(path)) for path in (video, table, damaged)
    ]
    assert all(f"episode_00000{k}" in problem.message for k, problem in enumerate(problems, 1))
    found = read(tmp_path)
    assert ["action" in recording.values for recording in found] == [True, True, False, False]
    assert found[3].values["task"] == TASKS[1]


def test_a_part_of_a_file_that_is_too_short_is_named_and_takes_no_frame_of_the_next(tmp_path: Path) -> None:
    write_packed(tmp_path)
    path = tmp_path / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    told = pq.read_table(path).to_pylist()
    told[0][f"videos/{CAMERAS[0]}/to_timestamp"] = 0.7
    pq.write_table(pa.Table.from_pylist(told), path)
    source = LeRobotSource(path=str(tmp_path))
    (problem,) = source.describe().problems
    assert (problem.code, problem.found) == ("CR533", "0.7 s, which is 7 frames")
    assert len(list(frames(read(tmp_path)[0].views[CAMERAS[0]]))) == 7


def test_pictures_in_tables_are_refused_unless_videos_are_chosen(tmp_path: Path, single: Path) -> None:
    copytree(single, tmp_path, dirs_exist_ok=True)
    told = json.loads((tmp_path / "meta" / "info.json").read_text())
    told["features"][CAMERAS[0]]["dtype"] = "image"
    (tmp_path / "meta" / "info.json").write_text(json.dumps(told))
    with pytest.raises(RecipeError) as refused:
        read(tmp_path)
    (problem,) = refused.value.problems
    assert (problem.code, CAMERAS[0] in problem.message) == ("CR531", True)
    assert len(read(tmp_path, cameras=[CAMERAS[1]])) == 4


def test_rows_in_any_order_are_those_of_their_episode(tmp_path: Path) -> None:
    write_packed(tmp_path)
    path = tmp_path / "data" / "chunk-000" / "file-000.parquet"
    pq.write_table(pa.concat_tables([rows(1, tasks_of(1)), rows(0, tasks_of(0))]), path)
    require_whole(read(tmp_path))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("info.json", "{"),
        ("info.json", "{}"),
        ("info.json", json.dumps({"codebase_version": "v1.6", "fps": 1, "features": {}, "data_path": ""})),
        ("episodes.jsonl", "[]\n"),
        ("episodes.jsonl", '{"episode_index": 0}\n'),
        ("episodes.jsonl", '{"episode_index": "0", "length": 9}\n'),
        ("episodes.jsonl", 2 * '{"episode_index": 0, "length": 9, "tasks": []}\n'),
        ("tasks.jsonl", '{"task": "pick"}\n'),
    ],
)
def test_a_damaged_meta_is_told_with_its_file(tmp_path: Path, single: Path, file: str, content: str) -> None:
    copytree(single, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "meta" / file
    path.write_text(content)
    with pytest.raises(RecipeError) as refused:
        read(tmp_path)
    (problem,) = refused.value.problems
    assert (problem.code, problem.place and problem.place.file) == ("CR530", str(path))


def test_the_fingerprint_follows_the_files(tmp_path: Path, single: Path) -> None:
    copytree(single, tmp_path, dirs_exist_ok=True)
    source = LeRobotSource(path=str(tmp_path))
    seen = {source.fingerprint()}
    assert source.fingerprint() in seen
    for path in (next(tmp_path.rglob("*2.mp4")), next(tmp_path.rglob("*1.parquet")), tmp_path / "meta" / "info.json"):
        path.write_bytes(path.read_bytes() + b"\n")
        assert source.fingerprint() not in seen
        seen.add(source.fingerprint())
    assert LeRobotSource(path=str(tmp_path), episodes="0:1").fingerprint() not in seen
