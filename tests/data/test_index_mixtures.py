"""If these fail, views are swapped, held-out recordings are trained on, or data is mixed that means something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from videos import write_video

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.data.binding.spec import Splits
from cosmos_recipes.data.contract import Schema, load_schema
from cosmos_recipes.data.dataset import load_mixture
from cosmos_recipes.data.index import ClipIndex, ClipSpec, IndexedSet, IndexReport, build_index
from cosmos_recipes.data.index.splits import final_splits
from cosmos_recipes.data.recording import Media, Recording, Split
from cosmos_recipes.diagnostics import RecipeError

CLIP = ClipSpec(frames=5, rate_hz=5.0, height_px=32, width_px=48, stride=5)


def quiet(what: str, done: int, total: int) -> None:
    """Say nothing."""


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "a.mp4")


def a_set(name: str, recordings: list[Recording], schema: str = "instruction-video") -> IndexedSet:
    return IndexedSet(name=name, recordings=recordings, binding=Binding(declaration_of(load_schema(schema), {}, {})))


def seen(video: Path, name: str, *views: str, split: Split | None = None) -> Recording:
    return Recording(name=name, split=split, views={view: Media(path=video) for view in views or ("video",)})


def indexed(folder: Path, *sets: IndexedSet) -> IndexReport:
    return build_index(sets, CLIP, folder, captions_needed=False, limit=None, progress=quiet)


def held_out(folder: Path) -> set[str]:
    index = ClipIndex(folder)
    return {index.row(clip)["name"] for clip in index.ids("held-out")}


def test_a_mixture_holds_out_what_its_data_sets_hold_out_alone(video: Path, tmp_path: Path) -> None:
    """Who goes on from a model of one of them would measure on what it was trained on."""
    sets = [a_set(name, [seen(video, f"{name}{number}") for number in range(6)]) for name in ("x", "y")]
    for own in sets:
        indexed(tmp_path / own.name, own)
    indexed(tmp_path / "both", *sets)
    alone = {f"{own.name}/{name}" for own in sets for name in held_out(tmp_path / own.name)}
    assert held_out(tmp_path / "both") == alone


def test_a_data_set_without_clips_to_train_on_is_named(video: Path, tmp_path: Path) -> None:
    full = a_set("full", [seen(video, "a"), seen(video, "b")])
    empty = a_set("empty", [seen(video, "a", split="held-out"), seen(video, "b", split="held-out")])
    with pytest.raises(RecipeError, match=r"CR507.*empty"):
        indexed(tmp_path / "index", full, empty)


@pytest.mark.parametrize("views", [("b", "a"), ("a", "c")])
def test_views_are_the_same_ones_in_the_same_order_in_every_recording(
    video: Path, tmp_path: Path, views: tuple[str, ...]
) -> None:
    names = [seen(video, str(number), "a", "b") for number in range(3)]
    report = indexed(tmp_path / "index", a_set("x", [*names, seen(video, "other", *views)], "multi-view"))
    assert [problem.code for problem in report.problems] == ["CR524"]
    assert ", ".join(views) in report.problems[0].found


def test_a_limit_holds_whoever_says_the_splits(video: Path, tmp_path: Path) -> None:
    """What the source holds out is not trained on beyond the limit where the data set says another share."""
    own = a_set("x", [seen(video, str(number), split="train" if number < 4 else "held-out") for number in range(20)])
    own = replace(own, splits=Splits(held_out=0.5))
    report = build_index([own], CLIP, tmp_path, captions_needed=False, limit=4, progress=quiet)
    assert report.found == 4
    assert len(held_out(tmp_path)) == 2


@given(
    said=st.lists(st.sampled_from(["train", "held-out", None]), min_size=2, max_size=30),
)
def test_a_recording_is_of_one_split_and_what_a_source_says_stays(said: list[Split | None]) -> None:
    """Only a single recording is cut in two: of several, one that its source says nothing of is of one of the splits."""
    found = final_splits([str(number) for number in range(len(said))], said, None)
    assert all(found)
    assert all(own in (None, given) for own, given in zip(said, found, strict=True))
    if "held-out" in said:
        assert all(own or given == "train" for own, given in zip(said, found, strict=True))
    elif None in said:
        assert "held-out" in found


ARM = 'schema: action-frame\nsource: {{kind: world, world: factory, episodes: 2, held_out: 1}}\ncolumns: {{action: {{from: action, unit: [{unit}, m, "1"], form: [{form}, delta, absolute]}}}}\n'
ROAD = "schema: trajectory\nsource: {{kind: world, world: road, episodes: 2, held_out: 1}}\ncolumns: {{trajectory: {{from: ego_pose, convention: canonical-ego, rate: {rate} Hz}}}}\n"


@pytest.mark.parametrize(
    ("schema", "one", "other", "fits"),
    [
        ("action-frame", ARM.format(unit="m", form="delta"), ARM.format(unit="cm", form="difference"), True),
        ("action-frame", ARM.format(unit="m", form="delta"), ARM.format(unit="deg", form="delta"), False),
        ("action-frame", ARM.format(unit="m", form="delta"), ARM.format(unit="m", form="absolute"), False),
        ("trajectory", ROAD.format(rate=10), ROAD.format(rate=2), False),
    ],
)
def test_a_column_means_the_same_in_every_data_set_of_a_mixture(
    tmp_path: Path, schema: str, one: str, other: str, fits: bool
) -> None:
    for name, text in (("one", one), ("other", other)):
        (tmp_path / f"{name}.yaml").write_text(f"dataset: {name}\n{text}")
    use = {"schema": schema, "mix": {"./one.yaml": 1, "./other.yaml": 1}}
    if fits:
        assert len(load_mixture(use, relative_to=tmp_path).sets) == 2
    else:
        with pytest.raises(RecipeError, match="CR594"):
            load_mixture(use, relative_to=tmp_path)


def test_data_sets_of_a_mixture_have_names_of_their_own(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / f"{name}.yaml").write_text("dataset: same\n" + ROAD.format(rate=2))
    use = {"schema": "trajectory", "mix": {"./one.yaml": 1, "./other.yaml": 1}}
    with pytest.raises(RecipeError, match="CR594"):
        load_mixture(use, relative_to=tmp_path)


@pytest.mark.parametrize("name", ["name", "split", "recording", "part", "frames"])
def test_a_column_cannot_be_called_as_what_an_index_says_of_every_clip(name: str) -> None:
    """It would stand in for the name or the split of the recording."""
    columns: dict[str, Any] = {
        "video": {"kind": "video", "summary": "Frames."},
        name: {"kind": "text", "summary": "Where it was made."},
    }
    with pytest.raises(ValueError, match=name):
        Schema.model_validate({"schema": "own", "summary": "Mine.", "columns": columns})


def test_a_clip_does_not_reach_over_a_hole_in_a_video() -> None:
    """Its pictures would be further apart in time than its rate says."""
    from videos import found_in

    from cosmos_recipes.data.index.windows import HOLE, clip_windows

    pts = (*range(30), *range(60, 90))
    found = replace(found_in(64, 96), pts=pts, keyframes=pts, seconds_per_pts=0.1)
    clip = ClipSpec(frames=5, rate_hz=4.0, height_px=32, width_px=48, stride=1)
    windows_NT = clip_windows([found], clip)[:, 0]
    windows_NT = windows_NT[(windows_NT != HOLE).all(1)]
    times_s = np.asarray(found.times_s)
    assert np.abs(np.diff(times_s[windows_NT]) - 0.25).max() <= 0.1 + 1e-9
    assert windows_NT.min() < 30 <= windows_NT.max()
