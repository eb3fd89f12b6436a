"""If these fail, the numbers of a clip are those of other frames, or an index of many clips is slow or large to open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.index import ClipIndex, ClipSpec, IndexReport
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.data.statistics import (
    Normalised,
    Normaliser,
    keep_normalisation,
    measure,
    measure_index,
    read_normalisers,
)
from cosmos_recipes.diagnostics import RecipeError

COLUMNS = load_schema("action-frame").columns
FACTORY: dict[str, Any] = {
    "schema": "action-frame",
    "source": {"kind": "world", "world": "factory", "episodes": 3, "held_out": 1, "size": "16x16", "codec": "mjpeg"},
    "columns": {
        "action": {"from": "action", "unit": ["m", "m", "1"], "form": ["delta", "delta", "absolute"]},
        "state": {"from": "state", "unit": ["m", "m", "1"]},
    },
}
ROAD: dict[str, Any] = {
    "schema": "trajectory",
    "source": {"kind": "world", "world": "road", "episodes": 1, "held_out": 1, "size": "16x16", "codec": "mjpeg"},
    "views": {"ahead": "front", "behind": "rear"},
    "columns": {"trajectory": {"from": "ego_pose", "convention": "canonical-ego"}},
}
CLIP = ClipSpec(frames=5, rate_hz=2.5, height_px=16, width_px=16, stride=5)


def indexed(use: dict[str, Any], folder: Path, clip: ClipSpec = CLIP) -> tuple[IndexReport, list[Recording]]:
    from cosmos_recipes.data.index import IndexedSet, build_index

    dataset = load_dataset(use, relative_to=folder)
    recordings = list(dataset.source.recordings(folder / "made", lambda what, done, total: None))
    report = build_index(
        [IndexedSet.of(dataset, recordings)],
        clip,
        folder / "index",
        captions_needed=False,
        limit=None,
        progress=lambda what, done, total: None,
    )
    return report, recordings


def test_every_row_has_the_numbers_of_its_own_frames(tmp_path: Path) -> None:
    _, recordings = indexed(FACTORY, tmp_path)
    index = ClipIndex(tmp_path / "index")
    by_name = {recording.name: recording.values for recording in recordings}
    assert len(index)
    for number in range(len(index)):
        row = index.row(number)
        values, frames = by_name[row["name"]], row["frames"]
        assert np.diff(frames).tolist() == [2] * 4
        np.testing.assert_allclose(row["state"], values["state"][frames], rtol=1e-6)
        moved = values["state"][frames[1:], :2] - values["state"][frames[:-1], :2]
        np.testing.assert_allclose(row["action"][:, :2], moved, atol=1e-6)
        np.testing.assert_allclose(row["action"][:, 2], values["state"][frames[1:], 2], atol=1e-6)


def test_views_are_kept_with_their_files_in_order(tmp_path: Path) -> None:
    report, _ = indexed(ROAD, tmp_path)
    index = ClipIndex(tmp_path / "index")
    assert report.uncovered == 0
    assert index.view_names == ("ahead", "behind")
    views = index.views(1)
    assert ["front" in str(views["ahead"].media.path), "rear" in str(views["behind"].media.path)] == [True, True]
    row = index.row(0)
    assert (row["frames_VT"].shape, row["trajectory"].shape) == ((2, 5), (64, 3))
    assert not row["trajectory"].flags.writeable


def test_splits_of_the_file_win_over_those_of_the_source(tmp_path: Path) -> None:
    indexed({**FACTORY, "splits": {"held_out": ["*1", "*1.*"]}}, tmp_path / "patterns")
    index = ClipIndex(tmp_path / "patterns" / "index")
    held_out = {index.row(clip)["name"] for clip in index.ids("held-out")}
    assert held_out
    assert all("1" in name for name in held_out)
    indexed({**FACTORY, "splits": {"held_out": 0.5}}, tmp_path / "share")
    index = ClipIndex(tmp_path / "share" / "index")
    assert len({index.row(clip)["name"] for clip in index.ids("held-out")}) == 2


def test_clips_without_all_their_points_are_counted_and_dropped(tmp_path: Path) -> None:
    long = {**ROAD, "columns": {"trajectory": {**ROAD["columns"]["trajectory"], "points": 80}}}
    clip = ClipSpec(frames=3, rate_hz=5.0, height_px=16, width_px=16, stride=3)
    report, _ = indexed(long, tmp_path, clip)
    assert report.uncovered > 0
    assert sum(report.clips.values()) > 0


def test_a_recording_of_another_shape_is_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cosmos_recipes.data.sources.world import WorldSource

    whole = WorldSource.recordings

    def changed(self: WorldSource, folder: Path, progress: Any) -> list[Recording]:
        from dataclasses import replace

        first, second, *rest = whole(self, folder, progress)
        values = {**second.values, "state": np.pad(second.values["state"], ((0, 0), (0, 1)))}
        return [first, replace(second, values=values), *rest]

    monkeypatch.setattr(WorldSource, "recordings", changed)
    use = {**FACTORY, "columns": {**FACTORY["columns"], "state": {"from": "state", "unit": "m"}}}
    report, recordings = indexed(use, tmp_path)
    assert [problem.code for problem in report.problems] == ["CR524"]
    assert recordings[1].name in report.problems[0].message


def test_statistics_of_the_training_split_normalise_and_restore(tmp_path: Path) -> None:
    indexed(FACTORY, tmp_path)
    folder = tmp_path / "index"
    index = ClipIndex(folder)
    statistics = measure_index(index, {"state": COLUMNS["state"]})
    keep_normalisation(index, COLUMNS, [Normalised(how={"state": "range"}, statistics=statistics)])
    rows = np.concatenate([index.row(clip)["state"] for clip in index.ids("train")])
    seen = read_normalisers(folder)[0]["state"].normalise(rows)
    np.testing.assert_allclose([seen.min(0), seen.max(0)], [[-1] * 3, [1] * 3], atol=1e-4)
    np.testing.assert_allclose(read_normalisers(folder)[0]["state"].restore(seen), rows, atol=1e-6)


def test_a_number_that_never_changes_is_not_blown_up() -> None:
    still = measure(np.stack([np.full(100, 3.0), np.arange(100.0)], 1))
    for how in ("quantile", "standard", "range"):
        assert Normaliser(how, still).normalise(np.array([[3.0, 50.0]]))[0, 0] == 0


@settings(max_examples=40, deadline=None)
@given(offset=st.sampled_from([0.0, 100.0, -6.4e6]), spread=st.floats(0.5, 1e5))
def test_normalised_numbers_lie_between_minus_one_and_one_wherever_they_are(offset: float, spread: float) -> None:
    """Statistics that are written to a file keep all the digits that numbers far from nought need."""
    rows = (offset + spread * np.linspace(0, 1, 50)).astype(np.float32)[:, None]
    normaliser = Normaliser("range", measure(rows))
    seen = normaliser.normalise(rows)
    np.testing.assert_allclose([seen.min(), seen.max()], [-1, 1], atol=1e-5)
    np.testing.assert_allclose(normaliser.restore(seen), rows, rtol=1e-6, atol=1e-5 * spread)


@pytest.mark.parametrize("rows", [np.arange(5.0)[:, None], np.array([[np.nan, 1, 1], [0, 2, 2]])])
def test_statistics_that_would_make_all_numbers_wrong_are_refused(rows: np.ndarray, tmp_path: Path) -> None:
    """Those of one number would be used for all three; the mean of what is no number is none."""
    indexed(FACTORY, tmp_path)
    index = ClipIndex(tmp_path / "index")
    with pytest.raises(RecipeError, match="CR515"):
        keep_normalisation(index, COLUMNS, [Normalised(how={"state": "range"}, statistics={"state": measure(rows)})])
