"""If these fail, rows of a table are read as other recordings than they are, or a wrong row is not named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from videos import write_video

from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.data.sources import source_class
from cosmos_recipes.data.sources.parquet import ParquetSource
from cosmos_recipes.diagnostics import Problem, RecipeError

ROWS = 3


def columns(folder: Path) -> dict[str, Any]:
    """Return a table of three rows with everything that a source can hold; videos are of 4, 5 and 6 frames."""
    videos = [write_video(folder / "videos" / f"{row}.mp4", frames=4 + row) for row in range(ROWS)]
    return {
        "name": ["a", "b", "c"],
        "split": ["train", "val", "train"],
        "video": [f"videos/{row}.mp4" for row in range(ROWS)],
        "embedded": [{"path": "x.mp4", "bytes": video.read_bytes()} for video in videos],
        "content": [video.read_bytes() for video in videos],
        "caption": ["one", "two", None],
        "weight": [0.5, 1.5, 2.5],
        "count": [1, 2, 3],
        "action": [[[float(row), 0.0]] * (4 + row) for row in range(ROWS)],
        "pose": pa.array([[float(row)] * 12 for row in range(ROWS)], pa.list_(pa.float32(), 12)),
        "seconds": [[0.1 * k for k in range(4 + row)] for row in range(ROWS)],
    }


def write(path: Path, content: dict[str, Any], *, row_group: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(content), path, row_group_size=row_group)
    return path


def read(path: Path, **settings: Any) -> list[Recording]:
    source = ParquetSource(path=str(path), **settings)
    made = (path if path.is_dir() else path.parent) / "made"
    return list(source.recordings(made, lambda *_: None))


def refusal(path: Path, **settings: Any) -> Problem:
    with pytest.raises(RecipeError) as refused:
        read(path, **settings)
    (problem,) = refused.value.problems
    assert problem.place
    return problem


def test_every_kind_of_column_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", columns(tmp_path))
    videos = ("video", "embedded", "content")
    found = read(path, id="name", split="split", times="seconds", videos=videos)
    assert [(recording.name, recording.split) for recording in found] == [
        ("a", "train"),
        ("b", "held-out"),
        ("c", "train"),
    ]
    for row, recording in enumerate(found):
        assert tuple(recording.views) == videos
        assert {len(probe(media.path).pts) for media in recording.views.values()} == {4 + row}
        assert recording.values["weight"] == row + 0.5
        assert recording.values["count"] == row + 1
        np.testing.assert_array_equal(recording.values["action"], [[row, 0]] * (4 + row))
        np.testing.assert_array_equal(recording.values["pose"], np.full(12, row, np.float32))
        assert recording.values["pose"].dtype == np.float32
        assert recording.times_s is not None
        np.testing.assert_allclose(recording.times_s, np.arange(4 + row) / 10)
    assert [recording.values.get("caption") for recording in found] == ["one", "two", None]
    assert set(found[0].values) == {"caption", "weight", "count", "action", "pose"}


def test_the_videos_of_a_table_are_written_once(tmp_path: Path) -> None:
    content = columns(tmp_path)
    path = write(tmp_path / "rows.parquet", {key: content[key] * 2 for key in ("embedded", "content")})
    written = {media.path for each in read(path, videos=("embedded", "content")) for media in each.views.values()}
    assert set((tmp_path / "made").iterdir()) == written
    assert len(written) == ROWS
    times = {file: file.stat().st_mtime_ns for file in written}
    read(path, videos=("embedded", "content"))
    assert times == {file: file.stat().st_mtime_ns for file in written}


def test_a_file_a_folder_and_a_pattern_are_tables(tmp_path: Path) -> None:
    content = {key: column for key, column in columns(tmp_path).items() if key in ("video", "count")}
    for name in ("b.parquet", "a.parquet", "deep/c.parquet", "_hidden.parquet"):
        write(tmp_path / "tables" / name, content)
    root = str(tmp_path)
    whole = [recording.name for recording in read(tmp_path / "tables", root=root)]
    names = ("a.parquet", "b.parquet", "deep/c.parquet")
    assert whole == [f"{name}:{row}" for name in names for row in range(ROWS)]
    some = source_class("parquet")(path="tables/[a-b].parquet", root="~/x").absolute(tmp_path)
    assert isinstance(some, ParquetSource)
    found = some.model_copy(update={"root": root}).recordings(tmp_path, lambda *_: None)
    assert [recording.name for recording in found] == whole[:6]
    description = ParquetSource(path=str(tmp_path / "tables"), root=root).describe()
    assert (description.codecs, description.recordings) == ({"h264": 3}, 9)
    with pytest.raises(RecipeError):
        ParquetSource(path=str(tmp_path / "tables" / "*.csv")).describe()


@pytest.mark.parametrize(
    ("wrong", "settings", "code", "told"),
    [
        ({"action": [[[1.0]], [[1.0, 2.0], [3.0]], [[1.0]]]}, {}, "CR536", "the row 1 of rows.parquet has no usable `action`"),
        ({"action": [[1], [2], [3, None]]}, {}, "CR536", "the row 2 of rows.parquet has no usable `action`"),
        ({"video": ["videos/0.mp4", None, "videos/0.mp4"]}, {}, "CR536", "the row 1 of rows.parquet has no usable `video`"),
        ({"video": ["s3://bucket/0.mp4"] * 3}, {}, "CR536", "the row 0 of rows.parquet has no usable `video`"),
        ({"split": ["train", "val", "extra"]}, {"split": "split"}, "CR536", "the row 2 of rows.parquet has no usable `split`"),
        ({"name": ["a", None, "c"]}, {"id": "name"}, "CR536", "the row 1 of rows.parquet has no usable `name`"),
        ({"name": ["a", "c", "c"]}, {"id": "name"}, "CR536", "1 names stand for several recordings"),
        ({"seconds": [[0.0], [], None]}, {"times": "seconds"}, "CR536", "the row 2 of rows.parquet has no usable `seconds`"),
        ({}, {"id": "nmae"}, "CR535", "the table has no column nmae"),
        ({}, {"columns": ("actions",)}, "CR535", "the table has no column actions"),
        ({}, {"videos": ("action",)}, "CR535", "the column action cannot be videos"),
    ],
)  # fmt: skip
def test_a_wrong_row_or_column_is_named(
    tmp_path: Path, wrong: dict[str, Any], settings: dict[str, Any], code: str, told: str
) -> None:
    usual = {key: column for key, column in columns(tmp_path).items() if key in ("name", "video", "action")}
    problem = refusal(write(tmp_path / "rows.parquet", {**usual, **wrong}), **settings)
    assert (problem.code, problem.message) == (code, told)


def test_columns_that_are_not_named_do_no_harm(tmp_path: Path) -> None:
    content = {**columns(tmp_path), "odd": [{"x": 1}] * ROWS}
    path = write(tmp_path / "rows.parquet", content)
    assert refusal(path).code == "CR536"
    assert [set(recording.values) for recording in read(path, columns=("action", "count"))] == [{"action", "count"}] * 3


def test_a_damaged_table_is_told_with_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", columns(tmp_path))
    whole = path.read_bytes()
    for content in (whole[:500], whole[:200] + bytes(800) + whole[1000:]):
        path.write_bytes(content)
        problem = refusal(path)
        assert (problem.code, problem.place and problem.place.file) == ("CR534", str(path))


def test_the_fingerprint_follows_the_tables_and_their_videos(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", columns(tmp_path))
    source = ParquetSource(path=str(path), videos=("video", "embedded", "content"))
    seen = {source.fingerprint()}
    assert source.fingerprint() in seen
    for file in (path, tmp_path / "videos" / "1.mp4"):
        write_video(tmp_path / "videos" / "1.mp4", frames=20) if file != path else write(path, {**columns(tmp_path)})
        assert source.fingerprint() not in seen
        seen.add(source.fingerprint())


def test_numbers_of_many_rows_stay_in_one_piece(tmp_path: Path) -> None:
    """Rows are views of what was read together: a million of them need no million copies."""
    actions = [[[float(row), 0.0]] * (row % 7) for row in range(20_000)]
    path = write(tmp_path / "rows.parquet", {"video": ["a.mp4"] * 20_000, "action": actions}, row_group=10_000)
    found = [recording.values["action"] for recording in read(path)]
    assert [len(action) for action in found] == [row % 7 for row in range(20_000)]
    assert found[12_345][0, 0] == 12_345
    assert len({id(action.base) for action in found}) < 10
