"""If this fails, a recipe of several data sets does not run, or trains on other shares than it says."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from tests.data.videos import write_video
from tests.small_runs import STEPS, command, finish, only_run, weights_hash

OWN = """dataset: {name}
schema: instruction-video
source: {{kind: world, world: {world}, episodes: {count}, held_out: 2, frames: 25, size: 32x32}}
"""
FOLDER = """dataset: {name}
schema: instruction-video
on_missing: drop
source: {{kind: folder, path: {path}}}
splits: {{held_out: 0.5}}
"""


def test_two_data_sets_are_trained_on_three_to_one(tmp_path: Path) -> None:
    for name, world, count in (("large", "factory", 6), ("small", "workshop", 3)):
        (tmp_path / f"{name}.yaml").write_text(OWN.format(name=name, world=world, count=count))
    (tmp_path / "both.yaml").write_text(
        "dataset: both\nschema: instruction-video\nmix: {./large.yaml: 1, ./small.yaml: 3}\n"
    )
    told = finish(command("factory", tmp_path / "runs", dataset__use=tmp_path / "both.yaml"))
    assert "13 recordings" in told
    (samples,) = tmp_path.glob("runs/factory/*/train/samples.parquet")
    rows = pq.read_table(samples).to_pylist()
    assert Counter(row["part"] for row in rows) == {0: STEPS // 2, 1: 3 * STEPS // 2}
    assert {row["recording"].partition("/")[0] for row in rows if row["part"] == 1} == {"small"}


def test_what_was_trained_on_two_folders_comes_out_the_same_where_one_was_moved(tmp_path: Path) -> None:
    """Its name may have a dot; what a folder holds counts, and not where it is."""
    for name in ("arm-1.0", "hand"):
        (tmp_path / name).mkdir()
        for number in range(3):
            write_video(tmp_path / name / f"{number}.mp4", frames=30 + number)
        (tmp_path / f"{name}.yaml").write_text(FOLDER.format(name=name, path=tmp_path / name))
    (tmp_path / "both.yaml").write_text(
        "dataset: both\nschema: instruction-video\nmix: {./arm-1.0.yaml: 1, ./hand.yaml: 1}\n"
    )
    finish(command("factory", tmp_path / "runs", dataset__use=tmp_path / "both.yaml"))
    (tmp_path / "arm-1.0").rename(tmp_path / "moved")
    published, key = tmp_path / "runs/published/local/factory", "dataset.use.mix.arm-1.0.source.path"
    words = [
        sys.executable,
        "-m",
        "cosmos_recipes",
        "run",
        str(published),
        "--frozen",
        "--runs",
        str(tmp_path / "again"),
    ]
    told = finish([*words, "--set", f"{key}={tmp_path}/moved"])
    assert "bit for bit" in told
    first, again = (only_run(tmp_path / name, "factory") for name in ("runs", "again"))
    assert weights_hash(first / "package") == weights_hash(again / "package")
