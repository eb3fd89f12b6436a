"""Views of one recording are found by their names, in the order that is said, and none is missed."""

from __future__ import annotations

from pathlib import Path

import pytest
from videos import write_video

from cosmos_recipes.data.sources.folder import FolderSource
from cosmos_recipes.diagnostics import RecipeError

VIEWS = {"front": "*_front.mp4", "left": "*_left.mp4", "front_left": "*_front_left.mp4"}


def quiet(what: str, done: int, total: int) -> None:
    """Take the progress."""


def write_views(folder: Path, *names: str) -> None:
    for name in names:
        for view in VIEWS:
            write_video(folder / f"{name}_{view}.mp4", frames=2)


def test_patterns_make_views_in_their_order_and_the_longer_one_wins(tmp_path: Path) -> None:
    write_views(tmp_path, "train/drive_1", "val/drive_2")
    write_video(tmp_path / "train/drive_1_depth.mp4", frames=2)
    (tmp_path / "train" / "drive_1_left.txt").write_text("a road")
    own = FolderSource(path=str(tmp_path), views=VIEWS)
    first, second = own.recordings(tmp_path, quiet)
    assert (first.name, first.split, second.name, second.split) == ("train/drive_1", "train", "val/drive_2", "held-out")
    assert {view: media.path.name for view, media in first.views.items()} == {
        view: f"drive_1_{view}.mp4" for view in VIEWS
    }
    assert list(first.views) == list(VIEWS)
    assert first.values == {"caption": "a road"}
    assert own.describe().recordings == 2


def test_folders_of_cameras_are_views_and_files_of_cameras_one_recording(tmp_path: Path) -> None:
    for camera in ("front", "rear"):
        write_video(tmp_path / "drives" / camera / "a.mp4", frames=2)
        write_video(tmp_path / "drive" / f"{camera}.mp4", frames=2)
    folders = FolderSource(path=str(tmp_path / "drives"), views={"rear": "rear/*.mp4", "front": "front/*.mp4"})
    assert [(each.name, list(each.views)) for each in folders.recordings(tmp_path, quiet)] == [("a", ["rear", "front"])]
    alone = FolderSource(path=str(tmp_path / "drive"), views={"front": "front.mp4", "rear": "rear.mp4"})
    assert [each.name for each in alone.recordings(tmp_path, quiet)] == ["drive"]


def test_a_recording_that_lacks_a_view_and_patterns_that_fit_nothing_are_refused(tmp_path: Path) -> None:
    write_views(tmp_path, "a")
    (tmp_path / "a_front.mp4").unlink()
    with pytest.raises(RecipeError, match="CR553: the recording a lacks a view"):
        FolderSource(path=str(tmp_path), views=VIEWS).describe()
    with pytest.raises(RecipeError, match="CR556"):
        FolderSource(path=str(tmp_path), views={"front": "*_rear.mp4"}).describe()
    for name in ("ba", "ab"):
        write_video(tmp_path / "two" / f"{name}.mp4", frames=2)
    with pytest.raises(RecipeError, match="CR555: two videos are the view front of b"):
        FolderSource(path=str(tmp_path / "two"), views={"front": "*a*.mp4"}).describe()
