"""A contributor adds a contract by two YAML files: one for the contract, one that binds data to it. No code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from videos import number_of, write_video

from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.index import ClipIndex, ClipSpec, IndexedSet, IndexReport, build_index
from cosmos_recipes.data.latents import ClipReader
from cosmos_recipes.data.synthesize import SynthesisSpec, synthesize
from cosmos_recipes.diagnostics import RecipeError

SCHEMA = """
schema: depth-video
summary: Videos of one camera with the depth of every pixel beside them.
columns:
  video: {kind: video, shape: [T, H, W, 3], summary: RGB frames of one camera.}
  depth: {kind: video, shape: [T, H, W, 3], summary: How near every pixel is as grey.}
  focus:
    kind: tensor
    dtype: float32
    shape: [T, F]
    at: frame
    unit: m
    range: [0.1, 10]
    rules: [finite]
    summary: What distances the camera is focused on at each frame.
  exposure: {kind: scalar, unit: s, range: [0, 1], summary: How long the shutter is open.}
  scene: {kind: text, rules: [not-empty], summary: Where the recording was made.}
"""
DATASET = """
dataset: desk
summary: Things on a desk.
schema: depth-video
source: {kind: parquet, path: ../rows.parquet, videos: [colour, near]}
views: {depth: near, video: colour}
columns:
  scene: where
  focus: {from: focus_cm, unit: cm}
  exposure: {from: open_ms, unit: ms}
"""
CLIP = ClipSpec(frames=5, rate_hz=5.0, height_px=32, width_px=48, stride=5)
FRAMES, RECORDINGS = 21, 4


def quiet(what: str, done: int, total: int) -> None:
    """Say nothing."""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data set's file; its contract lies in `schemas` of the folder that one works in."""
    monkeypatch.chdir(tmp_path)
    rows = []
    for number in range(RECORDINGS):
        colour = write_video(tmp_path / f"{number}.mp4", frames=FRAMES)
        near = write_video(tmp_path / f"near-{number}.mp4", frames=FRAMES - 1, height=48, width=64)
        focus_cm_T2 = [[100.0 + k, 50.0] for k in range(FRAMES)]
        values = {"where": "a desk", "focus_cm": focus_cm_T2, "open_ms": 20}
        rows.append({"colour": colour.name, "near": near.name, **values})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    for folder, name, text in (("schemas", "depth-video", SCHEMA), ("datasets", "desk", DATASET)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.yaml").write_text(text)
    return tmp_path / "datasets" / "desk.yaml"


def indexed(file: Path, folder: Path) -> IndexReport:
    bound = load_dataset(str(file), relative_to=Path())
    recordings = bound.source.recordings(folder, quiet)
    return build_index(
        [IndexedSet.of(bound, recordings)],
        CLIP,
        folder,
        captions_needed=False,
        limit=None,
        progress=quiet,
    )


def test_its_clips_hold_both_videos_in_the_contracts_order_and_its_numbers_in_metres(
    desk: Path, tmp_path: Path
) -> None:
    report = indexed(desk, tmp_path / "index")
    assert (report.found, report.aligned, report.problems) == (RECORDINGS, RECORDINGS, ())
    index = ClipIndex(tmp_path / "index")
    assert index.view_names == ("video", "depth")
    row = index.row(1)
    assert row["scene"] == "a desk"
    np.testing.assert_allclose(row["focus"], [[(100 + k) / 100, 0.5] for k in row["frames"]], rtol=1e-6)
    np.testing.assert_allclose(row["exposure"], 0.02)
    video_NVCTHW = ClipReader(index, CLIP, {}).read([0, 1])
    assert tuple(video_NVCTHW.shape) == (2, 2, 3, 5, 32, 48)
    for video in video_NVCTHW[1]:
        assert [number_of(frame.numpy()) for frame in video.transpose(0, 1)] == row["frames"]


@pytest.mark.parametrize(
    ("wrong", "right", "code", "line"),
    [
        ("depth: near, ", "", "CR516", 6),
        ("unit: cm", "unit: deg", "CR519", 9),
        ("  scene: where\n", "  scenery: where\n", "CR514", 8),
        ("focus: {from: focus_cm", "focus: {from: focus_cm, form: delta", "CR515", 9),
    ],
)
def test_a_wrong_binding_to_it_is_told_with_its_line(desk: Path, wrong: str, right: str, code: str, line: int) -> None:
    desk.write_text(DATASET.replace(wrong, right))
    with pytest.raises(RecipeError) as refused:
        load_dataset(str(desk), relative_to=Path())
    assert [(each.code, each.place and each.place.line) for each in refused.value.problems] == [(code, line)]


def test_numbers_outside_its_range_are_told_with_the_recording(desk: Path, tmp_path: Path) -> None:
    desk.write_text(DATASET.replace("unit: cm", "unit: m"))
    with pytest.raises(RecipeError) as refused:
        indexed(desk, tmp_path / "index")
    nothing_left, *told = refused.value.problems
    assert nothing_left.code == "CR507"
    assert [each.code for each in told] == ["CR513"] * RECORDINGS
    assert "outside of 0.1 to 10" in told[0].found


def test_data_of_it_is_made_up_without_code(desk: Path) -> None:
    made = synthesize("depth-video", Path("made-up"), SynthesisSpec(recordings=3, frames=FRAMES), quiet)
    report = indexed(made, Path("made-up-index"))
    assert (report.aligned, report.problems) == (3, ())
    index = ClipIndex(Path("made-up-index"))
    assert index.view_names == ("video", "depth")
    assert {*index.row(0)} >= {"focus", "exposure", "scene"}
    assert desk.exists()
