from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The helpers of these folders are imported by name.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "data")]


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the tool that is migrated from: its experiment, its TOML and its data; nobody may change it."""
    from files import EXPERIMENTS, TOML, write
    from videos import write_video

    root = tmp_path_factory.mktemp("repository")
    write(root / "cosmos_predict2" / "experiments" / "base" / "robot.py", EXPERIMENTS)
    write(root / "kitchen.toml", TOML)
    for number in range(11):
        write_video(root / "datasets" / "robot_clips" / "videos" / f"{number:02d}.mp4", frames=100, rate=16)
        write(root / "datasets" / "robot_clips" / "metas" / f"{number:02d}.txt", "an arm moves")
    write(root / "datasets" / "robot_clips" / "t5_xxl" / "00.pickle", "")
    return root
