"""If these fail, arrows and ways point where nothing went, or a column of a contributed schema cannot be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor
from videos import write_video

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.data.contract import Column, Schema
from cosmos_recipes.data.index import ClipSpec
from cosmos_recipes.data.preview import trajectory
from cosmos_recipes.data.preview.canvas import COLOURS, Canvas
from cosmos_recipes.data.preview.clips import PreviewClip, choose_clips
from cosmos_recipes.data.preview.figures import Number, figures
from cosmos_recipes.data.preview.numbers import arrows
from cosmos_recipes.data.preview.sheet import clip_block
from cosmos_recipes.data.preview.timeline import LABEL_PX, Timeline
from cosmos_recipes.data.recording import Media, Recording
from cosmos_recipes.data.statistics import Normaliser
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.run.progress import Silent

METRES = (Number(name="x", unit="m", form="delta"), Number(name="y", unit="m", form="delta"))
TIMELINE = Timeline(shown=(0, 1, 2), cell=(200, 100))


def coloured(image: Image.Image, colour: str) -> np.ndarray:
    """Return (x, y) of the pixels (N, 2) that have a colour."""
    pixels = np.asarray(image, dtype=int)
    y, x = np.nonzero(np.abs(pixels - ImageColor.getrgb(colour)).sum(-1) < 40)
    return np.stack([x, y], axis=1)


@pytest.mark.parametrize(("way", "form"), [((0.1, 0.2), "delta"), ((-0.3, 0.1), "delta"), ((0.2, -0.2), "absolute")])
def test_the_arrow_of_a_step_points_where_it_went(way: tuple[float, float], form: str) -> None:
    numbers = [Number(name=each.name, unit="m", form=form) for each in METRES]
    rows_S2 = np.array([(0.0, 0.0), way], np.float32)
    image = arrows(rows_S2, numbers, [0, 1], TIMELINE)
    middle = np.array([TIMELINE.x(1.5), image.height / 2])
    square = image.crop((int(middle[0]) - 50, 0, int(middle[0]) + 50, image.height))
    pulled = coloured(square, COLOURS[0]).mean(0) - (50, image.height / 2)
    assert np.sign(pulled).tolist() == [np.sign(way[0]), -np.sign(way[1])]
    assert pulled[0] / -pulled[1] == pytest.approx(way[0] / way[1], rel=0.25)


@pytest.mark.parametrize("bend", [0.0, 0.02, -0.02])
def test_the_way_from_above_is_straight_or_bends_to_the_side_that_it_goes(bend: float) -> None:
    ahead_m = np.arange(1, 41) * 0.5
    way_m_N3 = np.stack([ahead_m, bend * ahead_m**2, np.zeros(40)], axis=1).astype(np.float32)
    column = Column(kind="tensor", summary="", shape=("N", 3), convention="future-points", at="clip")
    clip = made_clip({"way": column}, {"way": way_m_N3}, {"way": {"from": "way", "convention": "canonical-ego"}})
    (panel,) = trajectory.overlay(clip, "way", Timeline.of(clip)).panels
    seen = coloured(panel.crop((LABEL_PX, 20, LABEL_PX + 760, panel.height)), trajectory.COLOUR)
    top, bottom = seen[seen[:, 1] < np.quantile(seen[:, 1], 0.1)], seen[seen[:, 1] > np.quantile(seen[:, 1], 0.9)]
    leaning = bottom[:, 0].mean() - top[:, 0].mean()
    assert leaning == pytest.approx(0, abs=8) if bend == 0 else np.sign(leaning) == np.sign(bend)
    assert np.ptp(seen[:, 1]) > 250


def made_clip(
    columns: dict[str, Column], values: dict[str, np.ndarray], bindings: dict[str, Any], frames: int = 5
) -> PreviewClip:
    """Return a clip of these columns, with black pictures of one view."""
    schema = Schema.model_validate(
        {"schema": "made", "summary": "", "columns": {"video": {"kind": "video", "summary": ""}}}
    )
    schema = schema.model_copy(update={"columns": {**schema.columns, **columns}})
    return PreviewClip(
        recording="made",
        views=("video",),
        video_VTHWC=np.zeros((1, frames, 32, 32, 3), np.uint8),
        times_s_T=np.arange(frames) / 5,
        texts={},
        declared=declaration_of(schema, {}, bindings).columns,
        columns=values,
    )


def test_a_disc_is_filled_by_the_share_that_is_closed() -> None:
    filled = []
    for share in (0.0, 0.5, 1.0):
        canvas = Canvas(40, 40)
        canvas.pie((20, 20), 10, share, "#bf5700")
        filled.append(len(coloured(canvas.image(), "#bf5700")))
    assert filled[0] < filled[1] / 1.5 < filled[2] / 2


CONTRIBUTED = {
    "schema": "depth-video",
    "summary": "Made up by a contributor.",
    "columns": {
        "video": {"kind": "video", "shape": ["V", "T", "H", "W", 3], "summary": "Frames."},
        "depth": {"kind": "tensor", "shape": ["T", "Y", "X"], "unit": "m", "summary": "Distances."},
        "wind": {"kind": "scalar", "unit": "m/s", "summary": "One number."},
        "joints": {"kind": "tensor", "shape": ["S", "J"], "unit": "declared", "summary": "Many numbers."},
        "light": {"kind": "tensor", "shape": ["V", "T", "L"], "unit": "1", "summary": "Of every view."},
        "note": {"kind": "text", "summary": "Words."},
    },
}
BOUND = {
    "depth": {"from": "depth"},
    "wind": {"from": "wind"},
    "joints": {"from": "joints", "unit": "deg", "form": "absolute"},
    "light": {"from": ["light_a", "light_b"]},
}


def recordings(folder: Path, count: int = 1) -> list[Recording]:
    values = {
        "depth": np.random.default_rng(0).uniform(1, 5, (25, 4, 6)),
        "wind": 3.5,
        "joints": np.zeros((25, 20)),
        "light_a": np.linspace(0, 1, 25)[:, None],
        "light_b": np.ones((25, 1)),
        "note": "käse “und” 光",
    }
    paths = [write_video(folder / f"{n}-{view}.mp4") for n in range(count) for view in "ab"]
    return [
        Recording(
            name=f"r{n}",
            split=None,
            views={"a": Media(path=paths[2 * n]), "b": Media(path=paths[2 * n + 1])},
            values=values,
        )
        for n in range(count)
    ]


def test_columns_of_a_contributed_schema_are_drawn_by_what_their_contract_says(tmp_path: Path) -> None:
    binding = Binding(declaration_of(Schema.model_validate(CONTRIBUTED), {}, BOUND))
    clip = ClipSpec(frames=9, rate_hz=10.0, height_px=32, width_px=48, stride=9)
    chosen = choose_clips(recordings(tmp_path), binding, clip, count=2, seed=0, progress=Silent())
    assert len(chosen.clips) == 2, "one recording gives several clips"
    for each in chosen.clips:
        assert clip_block(each).height > 1000
    shown = {figure.title: figure for figure in figures(chosen.clips, {})}
    assert shown["wind (m/s)"].mean == 3.5
    assert {"joints 19 (rad)", "depth (m)", "light"} <= shown.keys()
    assert shown["depth (m)"].high < 5


def test_recordings_without_a_clip_are_named_and_the_rest_is_drawn(tmp_path: Path) -> None:
    good, bad = recordings(tmp_path, 2)
    bad.media.path.write_bytes(b"nothing")
    binding = Binding(declaration_of(Schema.model_validate(CONTRIBUTED), {}, BOUND))
    clip = ClipSpec(frames=9, rate_hz=10.0, height_px=32, width_px=48, stride=9)
    chosen = choose_clips([good, bad], binding, clip, count=4, seed=1, progress=Silent())
    assert {each.recording for each in chosen.clips} == {"r0"}
    assert [problem.code for problem in chosen.problems] == ["CR510"]
    with pytest.raises(RecipeError) as raised:
        choose_clips([bad], binding, clip, count=1, seed=0, progress=Silent())
    assert [problem.code for problem in raised.value.problems] == ["CR575", "CR510"]


def test_the_same_seed_shows_the_same_clips_and_another_others(opened: Any) -> None:
    data = opened("captions", source={**described_source("factory"), "episodes": 12})
    drawn = [
        [
            c.recording
            for c in choose_clips(data.recordings, data.binding, data.clip, count=3, seed=s, progress=Silent()).clips
        ]
        for s in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def described_source(world: str) -> dict[str, Any]:
    return {"kind": "world", "world": world, "held_out": 1, "frames": 13, "size": "32x32", "seed": 5}


def test_figures_say_where_normalised_numbers_go(opened: Any) -> None:
    data = opened("actions")
    chosen = choose_clips(data.recordings, data.binding, data.clip, count=2, seed=0, progress=Silent())
    normaliser = Normaliser("quantile", data.dataset.file.statistics["action"])
    grip = next(f for f in figures(chosen.clips, {"action": normaliser}) if (f.column, f.title) == ("action", "grip"))
    assert (grip.low, grip.normalised) == (0, (0, pytest.approx(2 * grip.high)))
