"""If these fail, numbers reach the model that are not those of its frames, and nothing says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_clip import columns_of
from videos import found_in

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.data.contract import Schema, load_schema
from cosmos_recipes.data.decode.fitting import fitting
from cosmos_recipes.data.recording import Media, Recording
from cosmos_recipes.diagnostics import RecipeError

VIDEO = {"kind": "video", "shape": ["T", "H", "W", 3], "summary": "Frames."}


def contract(*videos: str, **columns: dict[str, Any]) -> Schema:
    own = dict.fromkeys(videos or ("video",), VIDEO)
    said = {name: {"kind": "tensor", "summary": "Numbers.", **column} for name, column in columns.items()}
    return Schema.model_validate({"schema": "own", "summary": "Mine.", "columns": {**own, **said}})


def clip(
    schema: Schema,
    columns: dict[str, Any],
    frames_s: Any,
    *,
    views: dict[str, str] | None = None,
    times_s: Any = None,
    **values: Any,
) -> dict[str, np.ndarray | None]:
    """Return the columns of a clip with frames at these moments; rows are at the same, or at `times_s`."""
    binding = Binding(declaration_of(schema, views or {}, columns))
    media = {view: Media(path=Path(f"{view}.mp4")) for view in (views or {"video": "video"}).values()}
    found = binding.bind(Recording(name="a", split=None, views=media, values=values, times_s=times_s))
    frames_s = np.asarray(frames_s, np.float64)
    rows_s = binding.rows_s(found, frames_s)
    probes = [found_in(64, 96)] * len(media)
    return columns_of(binding, found, probes, frames_s_T=frames_s, rows_s=rows_s, height_px=64, width_px=96)


def codes(*given: Any, **settings: Any) -> list[str]:
    with pytest.raises(RecipeError) as refused:
        clip(*given, **settings)
    return [problem.code for problem in refused.value.problems]


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(["front", "left", "rear"]))
def test_a_list_of_values_goes_with_the_views_in_the_order_in_which_they_are_written(order: list[str]) -> None:
    """The contract has its own order, in which the model sees them; whose numbers are whose must not change with it."""
    schema = contract("front", "left", "rear", lens={"shape": ["V", "T", "F"]})
    value = {"front": 1.0, "left": 2.0, "rear": 3.0}
    found = clip(
        schema,
        {"lens": {"from": [f"lens_{view}" for view in order]}},
        [0.0, 0.1],
        views={view: view.upper() for view in order},
        **{f"lens_{view}": np.array([number]) for view, number in value.items()},
    )["lens"]
    assert found is not None
    assert found[:, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("select", [[-1], [], [0, -2]])
def test_numbers_are_counted_from_the_first(select: list[int]) -> None:
    with pytest.raises((RecipeError, ValueError), match="select"):
        clip(contract(state={"shape": ["T", "Q"]}), {"state": {"from": "s", "select": select}}, [0], s=np.ones((1, 2)))


@pytest.mark.parametrize("column", [{"shape": ["T"]}, {"kind": "scalar"}])
def test_nothing_is_selected_of_a_single_number(column: dict[str, Any]) -> None:
    """It would be rows that are selected."""
    wanted = {"x": {"from": "x", "select": [0]}}
    assert codes(contract(x=column), wanted, [0.0], x=np.ones(1)) == ["CR515"]


@pytest.mark.parametrize(
    "said",
    [
        {"select": [0, 1], "names": ["a", "b", "c"]},
        {"select": [0, 1], "unit": ["m", "m", "rad"]},
        {"names": ["a", "b"], "unit": ["m", "m", "rad"]},
    ],
)
def test_lists_for_each_number_are_of_one_length(said: dict[str, Any]) -> None:
    assert codes(contract(x={"shape": ["T", "Q"]}), {"x": {"from": "x", **said}}, [0], x=np.ones((1, 3))) == ["CR519"]


def test_the_numbers_of_a_pose_have_one_form() -> None:
    pose = {"form": "position-euler", "direction": "end-effector-to-base", "euler_order": "xyz"}
    said = {
        "from": "a",
        "unit": ["m"] * 3 + ["rad"] * 3,
        "form": ["delta"] * 3 + ["absolute"] * 3,
        "convention": {**pose, "euler_kind": "extrinsic", "angle_unit": "rad"},
    }
    assert codes(load_schema("action-frame"), {"action": said}, [0, 1], a=np.zeros((2, 6))) == ["CR515"]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ({"shape": ["T"], "dtype": "int64"}, np.array([2**24, 2**24 + 1])),
        ({"shape": ["T", "Q"], "unit": "s"}, 1.7e9 + np.array([[0.0], [0.1]])),
    ],
)
def test_numbers_that_float32_cannot_tell_apart_are_refused(column: dict[str, Any], values: np.ndarray) -> None:
    assert codes(contract(x=column), {"x": {"from": "x"}}, [0.0, 0.1], x=values) == ["CR518"]


@settings(max_examples=60, deadline=None)
@given(
    every_s=st.sampled_from([0.02, 0.1, 0.5]),
    first_s=st.floats(-0.6, 0.6),
    rows=st.integers(2, 12),
    at=st.integers(0, 9),
)
def test_a_camera_is_where_it_was_or_the_clip_is_dropped(every_s: float, first_s: float, rows: int, at: int) -> None:
    """A camera that moves evenly moves evenly in the clip too: it does not stand still where its rows have ended."""
    times_s = first_s + every_s * np.arange(rows)
    pose = np.tile(np.eye(4), (rows, 1, 1))
    pose[:, 0, 3] = -times_s
    frames_s = (at + np.arange(5)) / 10
    columns = {"pose": {"from": "p", "convention": "canonical"}, "intrinsics": {"from": "k", "convention": "canonical"}}
    found = clip(load_schema("pose"), columns, frames_s, times_s=times_s, p=pose, k=np.array([1, 1, 0.5, 0.5]))["pose"]
    if found is not None:
        moved = np.diff(-found[:, 0, 3])
        assert np.abs(moved - 0.1).max() <= 0.075 + 1e-6
        assert np.abs(moved[1:-1] - 0.1).max() < 1e-5


def test_points_to_come_are_not_drawn_through_a_hole_in_the_recording() -> None:
    times_s = np.concatenate([np.arange(10), np.arange(60, 90)]) / 10
    ego = np.tile(np.eye(4), (len(times_s), 1, 1))
    columns = {"trajectory": {"from": "ego", "convention": "canonical-ego", "points": 20, "rate": "10 Hz"}}
    schema = contract(trajectory={"shape": ["N", 3], "convention": "future-points", "unit": "m"})
    assert clip(schema, columns, [0.0, 0.1], times_s=times_s, ego=ego)["trajectory"] is None
    assert clip(schema, columns, [6.0, 6.1], times_s=times_s, ego=ego)["trajectory"] is not None


@pytest.mark.parametrize("ego", [np.tile(np.eye(4), (3, 1, 1)), np.tile(np.eye(4), (4, 2, 1, 1))])
def test_cameras_and_what_carries_them_have_the_same_rows(ego: np.ndarray) -> None:
    columns = {
        "pose": {"from": "p", "convention": "canonical", "mounted_on": {"from": "ego", "convention": "canonical-ego"}},
        "intrinsics": {"from": "k", "convention": "canonical"},
    }
    own = {"p": np.tile(np.eye(4), (4, 1, 1)), "k": np.array([1, 1, 0.5, 0.5]), "ego": ego}
    assert codes(load_schema("pose"), columns, [0.0, 0.1, 0.2, 0.3], **own) == ["CR518"]


SHAPES = st.tuples(
    st.integers(16, 120), st.integers(16, 120), st.sampled_from([0, 90, 180, 270]), st.sampled_from([0.5, 1.0, 4 / 3])
)


@settings(max_examples=40, deadline=None)
@given(shapes=st.lists(SHAPES, min_size=2, max_size=2), size=st.tuples(st.integers(8, 64), st.integers(8, 64)))
def test_each_view_has_the_lens_of_its_own_picture_turned_stretched_and_cropped(
    shapes: list[tuple[int, int, int, float]], size: tuple[int, int]
) -> None:
    """What lies on the optical axis is where `fitting` puts the centre of the picture, in every view."""
    schema = contract("left", "right", lens={"shape": ["V", "T", 4], "convention": "intrinsics"})
    columns = {"lens": {"from": ["k_left", "k_right"], "convention": {"form": "row-4", "unit": "pixels"}}}
    probes = [found_in(height, width, rotation=turn, pixel_aspect=aspect) for height, width, turn, aspect in shapes]
    fits = [fitting(probe, height_px=size[0], width_px=size[1]) for probe in probes]
    centre = [np.array([fit.source_width_px / 3, fit.source_height_px / 2]) for fit in fits]
    lens = {
        f"k_{view}": np.array([fit.source_width_px, fit.source_width_px, *at])
        for view, fit, at in zip(("left", "right"), fits, centre, strict=True)
    }
    binding = Binding(declaration_of(schema, {}, columns))
    media = {view: Media(path=Path("a.mp4")) for view in ("left", "right")}
    found = binding.bind(Recording(name="a", split=None, views=media, values=lens))
    times_s = np.arange(2.0)
    made = columns_of(binding, found, probes, frames_s_T=times_s, rows_s=times_s, height_px=size[0], width_px=size[1])[
        "lens"
    ]
    assert made is not None
    for own, fit, at in zip(made[:, 0], fits, centre, strict=True):
        np.testing.assert_allclose(own[2:] * size[::-1], (fit.transform_33 @ [*at, 1])[:2], atol=1e-3)
        np.testing.assert_allclose(
            own[:2] * size[::-1], fit.source_width_px * np.array([fit.scale_x, fit.scale_y]), rtol=1e-5
        )
