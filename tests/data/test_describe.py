"""If these fail, figures are printed, or written into data set files, that are not those of the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from videos import write_video

from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.describe import Description
from cosmos_recipes.data.statistics import measure
from cosmos_recipes.run.dataset import OpenDataset
from cosmos_recipes.run.describe import describe_dataset
from cosmos_recipes.run.progress import Silent

SCHEMA = """
schema: arm
summary: A camera on an arm.
columns:
  video: {kind: video, summary: What it sees.}
  action: {kind: tensor, shape: [S, A], unit: declared, summary: What it does.}
  opening: {kind: tensor, shape: [T], unit: m, summary: How far the gripper is open.}
  mass: {kind: scalar, unit: "1", summary: What it carries in kg.}
  pose: {kind: tensor, shape: [T, 4, 4], unit: m, frame: first-camera, convention: world-to-camera, summary: Where.}
  caption: {kind: text, required: false, summary: What it does.}
"""
DATASET = """
dataset: arm
schema: arm
source: {kind: parquet, path: rows.parquet, id: name}
columns:
  action: {from: action, names: [forward, turn], unit: [cm, deg], form: delta}
  opening: {from: opening_mm, unit: mm}
  mass: mass
  pose: {from: pose, convention: {form: position-quaternion, direction: camera-to-world, axes: opencv, quaternion_order: wxyz}}
splits: {held_out: [val*]}
on_missing: drop
"""
FRAMES = 21


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Three recordings of 10 frames a second, one held out, and one too short; their cameras move by 0.1 m a frame."""
    monkeypatch.chdir(tmp_path)
    Path("schemas").mkdir()
    Path("schemas/arm.yaml").write_text(SCHEMA)
    Path("arm.yaml").write_text(DATASET)
    rng = np.random.default_rng(0)
    made = []
    for name, frames in (("a", FRAMES), ("b", FRAMES), ("val", FRAMES), ("short", 3)):
        path = write_video(tmp_path / f"{name}.mp4", frames=frames, height=48 if name == "b" else 64)
        made.append(
            {
                "name": name,
                "video": path.name,
                "action": rng.normal(0, 10, (frames, 2)).tolist(),
                "opening_mm": rng.uniform(0, 80, frames).tolist(),
                "mass": 2.0,
                "pose": [[0.1 * k, 0, 0, 1, 0, 0, 0] for k in range(frames)],
                "caption": "lift" if name != "b" else "put it down",
            }
        )
    pq.write_table(pa.Table.from_pylist(made), "rows.parquet")
    return made


def described(**window: object) -> Description:
    bound = load_dataset("arm.yaml", relative_to=Path())
    opened = OpenDataset.of(bound, root=Path("runs"), progress=Silent(), frames=5, **window)
    return describe_dataset(opened, Silent())


def test_numbers_are_of_the_training_split_in_canonical_units(rows: list[dict[str, object]]) -> None:
    found = described()
    assert found.recordings == {"train": 2, "held-out": 1}
    train = np.concatenate([np.array(row["action"])[: FRAMES - 1] for row in rows[:2]])
    assert found.statistics["action"] == measure(np.float32(train * [0.01, np.pi / 180]))
    shown = [(each.column, each.name, each.unit, each.count) for each in found.numbers]
    assert shown[:4] == [
        ("action", "forward", "m", 40),
        ("action", "turn", "rad", 40),
        ("opening", "", "m", 50),
        ("mass", "", "1", 10),
    ]
    assert 0 <= found.statistics["opening"].min[0] < found.statistics["opening"].max[0] <= 0.08
    assert [each.code for each in found.left_out] == ["CR505"]
    assert found.hours == pytest.approx(3 * FRAMES / 10 / 3600)


def test_actions_are_as_large_as_those_of_the_rate_asked_for(rows: list[dict[str, object]]) -> None:
    train = np.concatenate([np.array(row["action"])[: FRAMES - 1].reshape(10, 2, 2).sum(1)[:8] for row in rows[:2]])
    assert described(rate_hz=5.0).statistics["action"] == measure(np.float32(train * [0.01, np.pi / 180]))


@pytest.mark.usefixtures("rows")
def test_cameras_views_and_texts_are_told() -> None:
    found = described()
    place = {each.name: each for each in found.numbers if each.column == "pose"}
    assert [*place] == ["x", "y", "z", "turn"]
    assert (place["x"].min, place["x"].max, place["turn"].max) == pytest.approx((0, 0.4, 0), abs=1e-6)
    (view,) = found.views
    assert (view.sizes, view.codecs, view.rates) == ({"64x96": 2, "48x96": 1}, {"h264": 3}, {"10 Hz": 3})
    (text,) = found.texts
    assert (text.recordings, text.distinct, text.shortest, text.longest) == (3, 2, 4, 11)
    assert "pose" not in found.statistics
    assert "mass" not in found.statistics
