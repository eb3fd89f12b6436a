"""If these fail, a data set that a recipe names is not found, or is found somewhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from videos import write_video

from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.sources.folder import FolderSource
from cosmos_recipes.data.sources.world import WorldSource
from cosmos_recipes.diagnostics import RecipeError

FILE = "dataset: mine\nschema: instruction-video\nsource: {kind: folder, path: videos}\n"


def test_a_name_a_file_a_folder_and_a_video_are_data_sets(tmp_path: Path) -> None:
    video = write_video(tmp_path / "videos" / "a.mp4")
    (tmp_path / "mine.yaml").write_text(FILE)
    assert isinstance(load_dataset("factory", relative_to=tmp_path).source, WorldSource)
    for use in ("mine.yaml", "./mine.yaml", "videos", "./videos", str(tmp_path / "videos")):
        source = load_dataset(use, relative_to=tmp_path).source
        assert isinstance(source, FolderSource)
        assert source.path == str(tmp_path / "videos")
        assert source.describe().codecs == {"h264": 1}
    alone = load_dataset(str(video), relative_to=Path()).source
    assert isinstance(alone, FolderSource)
    assert alone.path == str(video)


def test_a_data_set_can_be_written_inside_a_recipe(tmp_path: Path) -> None:
    write_video(tmp_path / "videos" / "a.mp4")
    use = {"schema": "instruction-video", "source": {"kind": "folder", "path": "videos"}}
    assert load_dataset(use, relative_to=tmp_path).source.describe().recordings == 1


@pytest.mark.parametrize(
    ("use", "code"),
    [
        ("hf://nvidia/some-data", "CR201"),
        ("factori", "CR200"),
        ("./gone", "CR100"),
        ("./gone.mp4", "CR500"),
        ("./mine.yaml", "CR100"),
        ({"schema": "instruction-video", "source": {"kind": "foldr", "path": "x"}}, "CR501"),
        ({"schema": "instruction-video", "source": {}}, "CR501"),
    ],
)
def test_what_is_not_there_is_refused(tmp_path: Path, use: str | dict[str, object], code: str) -> None:
    with pytest.raises(RecipeError) as refused:
        load_dataset(use, relative_to=tmp_path)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_wrong_settings_are_told_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(FILE.replace("path: videos", "pth: videos"))
    with pytest.raises(RecipeError) as refused:
        load_dataset("mine.yaml", relative_to=tmp_path)
    assert {problem.place.line for problem in refused.value.problems if problem.place} == {3}


def test_an_empty_folder_and_one_without_videos_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    source = load_dataset("text", relative_to=tmp_path).source
    for _ in range(2):
        with pytest.raises(RecipeError, match="CR502: the folder holds no videos"):
            source.describe()
        (tmp_path / "text" / "a.txt").write_text("no video")


def test_a_fingerprint_follows_videos_and_captions(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4")
    source = FolderSource(path=str(tmp_path))
    before = source.fingerprint()
    assert source.fingerprint() == before
    (tmp_path / "a.txt").write_text("new")
    after = source.fingerprint()
    write_video(tmp_path / "b.mp4")
    assert len({before, after, source.fingerprint()}) == 3
