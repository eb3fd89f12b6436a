"""Camera paths of RealEstate10K keep the times of their own file, and find their videos by name or by id."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from videos import write_video

from cosmos_recipes.data.sources.realestate10k import RealEstate10KSource
from cosmos_recipes.diagnostics import RecipeError

URL = "https://www.youtube.com/watch?v=0YgtWYdxgDo"


def quiet(what: str, done: int, total: int) -> None:
    """Take the progress."""


def write_path(file: Path, *, first_us: int = 500_000, rows: int = 4, step_us: int = 100_000) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{first_us + k * step_us} 0.478 0.851 0.5 0.5 0.0 0.0 1 0 0 {k / 10} 0 1 0 0 0 0 1 {k / 100}"
        for k in range(rows)
    ]
    file.write_text("\n".join([URL, *lines]) + "\n")
    return file


def source(root: Path, **settings: object) -> RealEstate10KSource:
    return RealEstate10KSource.model_validate(
        {"path": str(root / "cameras"), "videos": str(root / "videos"), **settings}
    )


def test_a_stretch_of_a_whole_video_has_its_poses_times_and_split(tmp_path: Path) -> None:
    write_path(tmp_path / "cameras/train/0a.txt")
    write_path(tmp_path / "cameras/test/0b.txt")
    write_video(tmp_path / "videos/0YgtWYdxgDo.mp4")
    test, train = source(tmp_path).recordings(tmp_path, quiet)
    assert (test.name, test.split, train.name, train.split) == ("test/0b", "held-out", "train/0a", "train")
    assert train.media.start_s == pytest.approx(0.5, abs=0.002)
    assert train.media.end_s == pytest.approx(0.8, abs=0.002)
    # The first and the last row's frames are inside, however their times were rounded.
    assert train.media.start_s < 0.5
    assert train.media.end_s > 0.8
    assert train.times_s == pytest.approx([0, 0.1, 0.2, 0.3])
    assert train.values["pose"].shape == (4, 3, 4)
    assert train.values["pose"][3].tolist() == [[1, 0, 0, 0.3], [0, 1, 0, 0], [0, 0, 1, 0.03]]
    assert train.values["intrinsics"].tolist() == [[0.478, 0.851, 0.5, 0.5]] * 4
    assert train.values["url"] == URL


def test_a_video_of_its_own_name_is_taken_before_one_of_the_id(tmp_path: Path) -> None:
    write_path(tmp_path / "cameras/0a.txt")
    write_video(tmp_path / "videos/0YgtWYdxgDo.mp4")
    own = write_video(tmp_path / "videos/0a.mp4")
    (found,) = source(tmp_path, clock="cut").recordings(tmp_path, quiet)
    assert (found.media.path, found.media.start_s, found.split) == (own, None, None)
    assert found.times_s is not None and found.times_s[0] == 0


def test_rows_of_a_video_with_wrong_times_belong_to_its_frames(tmp_path: Path) -> None:
    write_path(tmp_path / "cameras/0a.txt", rows=8, step_us=266_933)
    write_video(tmp_path / "videos/0a.mp4", frames=8, rate=8)
    (found,) = source(tmp_path, clock="rows").recordings(tmp_path, quiet)
    assert found.times_s is None
    assert np.diff(found.values["timestamp_s"]) == pytest.approx(0.266933)


@pytest.mark.parametrize(
    ("path", "video", "clock"),
    [
        ({}, {}, "video"),
        ({"first_us": 60_000_000, "rows": 25}, {}, "cut"),
        ({"rows": 8, "step_us": 266_933, "first_us": 9_000_000}, {"frames": 8, "rate": 8}, "rows"),
    ],
)
def test_the_clock_is_seen_by_the_length_of_the_video(
    tmp_path: Path, path: dict[str, int], video: dict[str, int], clock: str
) -> None:
    write_path(tmp_path / "0a.txt", **path)
    write_video(tmp_path / "videos/0a.mp4", **video)
    settings = RealEstate10KSource.recognises(tmp_path)
    assert settings == {"path": str(tmp_path), "videos": str(tmp_path / "videos"), "clock": clock}


def test_a_video_that_is_gone_is_an_error_or_dropped_as_chosen(tmp_path: Path) -> None:
    write_path(tmp_path / "cameras/0a.txt")
    write_path(tmp_path / "cameras/0b.txt").write_text("https://youtu.be/gone\n")
    write_video(tmp_path / "videos/0a.mp4")
    with pytest.raises(RecipeError, match="CR553: the video of 0b is not there"):
        source(tmp_path).recordings(tmp_path, quiet)
    assert [r.name for r in source(tmp_path, on_missing="drop").recordings(tmp_path, quiet)] == ["0a"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no address\n", 1),
        (f"{URL}\n1 2 3\n", 2),
        (f"{URL}\n\n{'x ' * 19}\n", 3),
        (f"{URL}\n200 {'1 ' * 18}\n100 {'1 ' * 18}\n", 3),
    ],
)
def test_a_line_that_cannot_be_is_named(tmp_path: Path, text: str, line: int) -> None:
    write_path(tmp_path / "cameras/0a.txt").write_text(text)
    write_video(tmp_path / "videos/0a.mp4")
    with pytest.raises(RecipeError) as raised:
        source(tmp_path).recordings(tmp_path, quiet)
    place = raised.value.problems[0].place
    assert raised.value.problems[0].code == "CR554"
    assert place is not None and place.line == line
