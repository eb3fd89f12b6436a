"""A person's own folder of videos goes through the same recipe; a bad file is named and costs nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import FinishedRun
from tests.small_runs import command, finish, only_run

FACTORY = Path(__file__).parents[2] / "recipes" / "factory.yaml"


@pytest.fixture
def videos(finished_run: Callable[[Path], FinishedRun], tmp_path: Path) -> Path:
    """Five videos, one of which was cut off while it was copied."""
    (tmp_path / "videos").mkdir()
    made = sorted((finished_run(FACTORY).runs / ".prepared").glob("source-*/videos/episode_*.mp4"))
    for path in made[:5]:
        shutil.copyfile(path, tmp_path / "videos" / path.name)
    cut = tmp_path / "videos" / "cut.mp4"
    cut.write_bytes(made[5].read_bytes()[:2000])
    return tmp_path / "videos"


def test_a_folder_with_a_damaged_file_runs_to_the_end_and_is_prepared_again_when_it_changes(
    videos: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    said = finish(command(FACTORY, runs, dataset__use=videos))
    assert "left out: CR5" in said
    assert "cut.mp4" in said
    summary = json.loads((only_run(runs, "factory") / "prepare.json").read_text())
    assert (summary["found"], summary["kept"], len(summary["left_out"])) == (6, 5, 1)
    (videos / "cut.mp4").unlink()
    again = finish(command(FACTORY, runs, dataset__use=videos))
    assert "left out" not in again
    assert "unchanged: 5 recordings" not in again
    assert json.loads((only_run(runs, "factory") / "prepare.json").read_text())["found"] == 5
