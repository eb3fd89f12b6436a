"""If these fail, numbers reach the model in other units, another frame or another order than their contract says."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_poses import Array, intrinsics, paths, poses, vectors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from one_clip import columns_of
from videos import found_in

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.decode.fitting import fitting
from cosmos_recipes.data.geometry.actions import integrate_poses
from cosmos_recipes.data.geometry.conventions import PoseConvention
from cosmos_recipes.data.geometry.intrinsics import project
from cosmos_recipes.data.geometry.poses import invert
from cosmos_recipes.data.geometry.presets import POSE_PRESETS
from cosmos_recipes.data.recording import Media, Recording
from cosmos_recipes.diagnostics import RecipeError

CANONICAL, EGO = POSE_PRESETS["canonical"], POSE_PRESETS["canonical-ego"]
Columns = dict[str, np.ndarray | None]


def recording(views: tuple[str, ...] = ("video",), times_s: Array | None = None, **values: Any) -> Recording:
    media = {view: Media(path=Path(f"{view}.mp4")) for view in views}
    return Recording(name="a", split=None, views=media, values=values, times_s=times_s)


def bound(
    schema: str,
    columns: dict[str, Any],
    own: Recording,
    frames_s: Array,
    *,
    views: dict[str, str] | None = None,
    source: tuple[int, int] = (64, 96),
    size: tuple[int, int] = (64, 96),
    rows_s: Array | None = None,
) -> Columns:
    """Return the columns of a clip with frames at these moments, of a recording whose rows are at the same, or at others."""
    binding = Binding(declaration_of(load_schema(schema), views or {}, columns))
    found = binding.bind(own)
    rows_s = binding.rows_s(found, frames_s if rows_s is None else rows_s)
    return columns_of(
        binding,
        found,
        [found_in(*source)] * len(found.views),
        frames_s_T=frames_s,
        rows_s=rows_s,
        height_px=size[0],
        width_px=size[1],
    )


def pose_columns(**pose: Any) -> dict[str, Any]:
    return {"pose": {"from": "pose", **pose}, "intrinsics": {"from": "lens", "convention": "canonical"}}


LENS = np.array([1.0, 1.0, 0.5, 0.5])


@settings(max_examples=25, deadline=None)
@given(path=paths(), name=st.sampled_from(["realestate10k", "nerfstudio", "waymo", "nuscenes", "cosmos", "canonical"]))
def test_poses_of_every_convention_become_the_same(path: Array, name: str) -> None:
    """World-to-camera of the first camera's world: the same whatever the source's convention and world."""
    said = POSE_PRESETS[name].from_canonical(path)
    times_s = np.arange(len(path)) / 10
    found = bound("pose", pose_columns(convention=name), recording(pose=said, lens=LENS), times_s)["pose"]
    assert found is not None
    np.testing.assert_allclose(found[0], np.eye(4), atol=1e-6)
    np.testing.assert_allclose(found, path @ invert(path[0]), atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(ego=paths(at_least=3), rig=st.lists(poses(), min_size=2, max_size=2).map(np.array), far=vectors(3))
def test_cameras_on_a_vehicle_move_with_it_however_far_the_origin_is(ego: Array, rig: Array, far: Array) -> None:
    ego[:, :3, 3] = ego[:, :3, 3] / 1000 + far * 6000
    rig[:, :3, 3] /= 1000
    columns = {
        "trajectory": {"from": "ego", "convention": "canonical-ego", "points": 1},
        "pose": {
            "from": "rig",
            "convention": {"form": "matrix-4x4", "direction": "camera-to-world", "axes": "opencv"},
            "mounted_on": {"from": "ego", "convention": "canonical-ego"},
        },
    }
    own = recording(("left", "right"), ego=ego, rig=rig)
    found = bound("trajectory", columns, own, np.arange(len(ego)) / 10)["pose"]
    assert found is not None
    world = ego.copy()
    world[:, :3, 3] -= ego[0, :3, 3]
    camera = world[None] @ rig[:, None]
    np.testing.assert_allclose(found, invert(camera) @ camera[0, 0], atol=2e-3)


def test_views_come_in_the_order_that_is_declared_and_bring_their_own_numbers() -> None:
    camera = np.stack([np.eye(4), np.eye(4), np.eye(4)])
    camera[:, 0, 3] = (10, 20, 40)
    own = recording(("left", "front", "right"), poses=camera)
    columns = {"pose": {"from": "poses", "convention": "canonical"}}
    views = {"first": "right", "second": "left"}
    found = bound("multi-view", columns, own, np.arange(3.0), views=views)["pose"]
    assert found is not None
    assert found.shape == (2, 3, 4, 4)
    assert found[:, 0, 0, 3].tolist() == [0, -30]


def test_values_of_each_view_can_have_names_of_their_own() -> None:
    own = recording(("l", "r"), lens_l=LENS * 2, lens_r=LENS * 3)
    columns = {"intrinsics": {"from": ["lens_l", "lens_r"], "convention": "canonical"}}
    found = bound("multi-view", columns, own, np.arange(2.0))["intrinsics"]
    assert found is not None
    assert found[:, 0, 0].tolist() == [2, 3]


@settings(max_examples=30, deadline=None)
@given(
    lens=intrinsics,
    source=st.tuples(st.integers(16, 200), st.integers(16, 200)),
    size=st.tuples(st.integers(8, 100), st.integers(8, 100)),
    point=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)).map(lambda xy: np.array([[*xy, 1.0]])),
)
def test_a_point_is_seen_where_scaling_and_cropping_put_it(
    lens: Array, source: tuple[int, int], size: tuple[int, int], point: Array
) -> None:
    own = recording(pose=np.stack([np.eye(4)] * 2), lens=lens)
    columns = pose_columns(convention="canonical")
    found = bound("pose", columns, own, np.arange(2.0), source=source, size=size)["intrinsics"]
    assert found is not None
    seen_px = project(point, found[0].astype(np.float64))[0] * size[::-1]
    before_px = project(point, lens)[0] * source[::-1]
    matrix = fitting(found_in(*source), height_px=size[0], width_px=size[1]).transform_33
    np.testing.assert_allclose(seen_px, (matrix @ [*before_px, 1])[:2], atol=1e-2)


ARM = {"action": {"from": "action", "unit": ["cm", "deg", "1"], "form": ["delta", "difference", "absolute"]}}


@settings(max_examples=30, deadline=None)
@given(
    values=arrays(np.float64, (25, 3), elements=st.floats(-100, 100)), every=st.integers(1, 6), first=st.integers(0, 4)
)
def test_actions_between_frames_that_are_further_apart_than_rows_are_gathered(
    values: Array, every: int, first: int
) -> None:
    rows = np.arange(first, 25, every)[:4]
    times_s = np.arange(25) / 30
    found = bound("action-frame", ARM, recording(action=values), times_s[rows], rows_s=times_s)["action"]
    assert found is not None
    for step, (start, end) in enumerate(pairwise(rows)):
        wanted = [values[start:end, 0].sum() / 100, np.deg2rad(values[end, 1] - values[start, 1]), values[end - 1, 2]]
        np.testing.assert_allclose(found[step], wanted, rtol=1e-5, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(
    path=paths(at_least=7, at_most=9),
    frame=st.sampled_from(["end-effector", "base"]),
    form=st.sampled_from(["delta", "difference"]),
)
def test_changes_of_a_pose_are_composed_not_added(path: Array, frame: str, form: str) -> None:
    """However the source says them, the steps of a clip lead from its first pose to its last."""
    from cosmos_recipes.data.geometry.actions import pose_deltas

    said = PoseConvention(form="position-quaternion", direction="end-effector-to-base", quaternion_order="xyzw")
    rows = pose_deltas(path, frame=frame) if form == "delta" else path
    values = np.concatenate([said.from_canonical(rows), np.ones((len(rows), 1))], axis=1)
    units = ["m"] * 3 + ["1"] * 5
    columns = {
        "action": {
            **{"from": "action", "unit": units, "form": [form] * 7 + ["absolute"], "relative_to": frame},
            "convention": {
                "form": "position-quaternion",
                "direction": "end-effector-to-base",
                "quaternion_order": "xyzw",
            },
        }
    }
    times_s = np.arange(len(path)) / 10
    frames = [0, 2, 3, 6]
    found = bound("action-frame", columns, recording(action=values), times_s[frames], rows_s=times_s)["action"]
    assert found is not None
    steps = said.to_canonical(found[:, :7] / [1, 1, 1, *[np.linalg.norm(found[0, 3:7])] * 4])
    np.testing.assert_allclose(integrate_poses(path[0], steps, frame=frame), path[frames], atol=0.05)


def test_points_to_come_need_the_recording_to_go_on() -> None:
    ego = np.stack([np.eye(4)] * 40)
    ego[:, 0, 3] = np.arange(40) * 2.0
    columns = {"trajectory": {"from": "ego", "convention": "canonical-ego", "points": 20, "rate": "10 Hz"}}
    times_s = np.arange(40) / 10
    own = recording(("a", "b"), ego=ego)
    found = bound("trajectory", columns, own, times_s[10:13], rows_s=times_s)["trajectory"]
    assert found is not None
    np.testing.assert_allclose(found, np.stack([np.arange(1, 21) * 2.0, np.zeros(20), np.zeros(20)], 1), atol=1e-5)
    assert bound("trajectory", columns, own, times_s[30:33], rows_s=times_s)["trajectory"] is None


def test_rows_on_another_clock_are_taken_by_time() -> None:
    """States at 100 Hz that begin 0.2 s late beside frames at 10 Hz; frames before them have none."""
    times_s = 0.2 + np.arange(300) / 100
    own = recording(times_s=times_s, action=np.zeros((300, 1)), state=times_s[:, None])
    columns = {
        "action": {"from": "action", "unit": "m", "form": "delta"},
        "state": {"from": "state", "unit": "s"},
    }
    frames_s = 1 + np.arange(5) / 10
    found = bound("action-frame", columns, own, frames_s)
    assert found["state"] is not None
    np.testing.assert_allclose(found["state"][:, 0], frames_s, atol=0.006)
    assert bound("action-frame", columns, own, np.arange(5) / 10)["state"] is None
    assert bound("action-frame", columns, own, np.arange(5) / 300 + 1)["action"] is None


@pytest.mark.parametrize(
    ("values", "columns", "code"),
    [
        ({"actions": np.zeros((5, 3))}, ARM, "CR517"),
        ({"action": np.zeros((5, 4))}, ARM, "CR518"),
        ({"action": "push"}, ARM, "CR518"),
        ({"action": np.zeros((5, 3, 1))}, ARM, "CR518"),
        ({"action": np.zeros((9, 3))}, ARM, "CR521"),
        ({"action": np.zeros((3, 3))}, ARM, "CR521"),
    ],
)
def test_values_that_are_not_what_is_declared_are_refused_by_name(
    values: dict[str, Any], columns: dict[str, Any], code: str
) -> None:
    with pytest.raises(RecipeError, match=r"`action`") as refused:
        bound("action-frame", columns, recording(**values), np.arange(5) / 10)
    assert refused.value.problems[0].code == code


def test_times_that_do_not_rise_and_views_that_are_not_there_are_refused() -> None:
    own = recording(times_s=np.array([0, 0.1, 0.1, 0.2]), action=np.zeros((4, 3)))
    with pytest.raises(RecipeError, match="CR522"):
        bound("action-frame", ARM, own, np.arange(3) / 10)
    with pytest.raises(RecipeError, match="CR516"):
        bound("action-frame", ARM, recording(("front", "left"), action=np.zeros((3, 3))), np.arange(3) / 10)
    with pytest.raises(RecipeError, match="CR516"):
        bound("multi-view", {}, recording(("a",)), np.arange(3) / 10, views={"a": "b"})
