"""If these break, paths and matches that are right are measured as wrong, or the other way round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.data.geometry.intrinsics import project
from cosmos_recipes.data.geometry.poses import assemble, transform
from cosmos_recipes.data.geometry.rotations import angle_between_rad, from_axis_angle
from cosmos_recipes.evaluation.estimators.alignment import positions, scale_between, similarity
from cosmos_recipes.evaluation.estimators.epipolar import fundamental, sampson_px
from cosmos_recipes.evaluation.estimators.path import Path, Rig, find_path
from cosmos_recipes.evaluation.estimators.tracks import Tracks

seeds = st.integers(0, 2**31)
SQUARE = np.array([1.0, 1.0, 0.5, 0.5])


@settings(max_examples=40, deadline=None)
@given(seed=seeds, scale=st.floats(0.1, 10))
def test_a_similarity_is_found_whatever_it_is(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    point_N3, rotation_33, shift_3 = rng.normal(size=(8, 3)), from_axis_angle(rng.normal(size=3)), rng.normal(size=3)
    found = similarity(point_N3, scale * point_N3 @ rotation_33.T + shift_3)
    for ours, theirs in zip(found, (scale, rotation_33, shift_3), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-8)


def test_a_path_that_leads_backwards_has_no_scale() -> None:
    path_T3 = np.array([[0.0, 0, 0], [0, 0, 1], [0, 0, 2]])
    assert scale_between(path_T3, 3 * path_T3) == pytest.approx(3)
    assert scale_between(path_T3, -path_T3) == 0


@settings(max_examples=40, deadline=None)
@given(seed=seeds, off_px=st.floats(0.1, 2))
def test_the_sampson_distance_is_nought_of_one_point_and_about_what_a_match_is_off(seed: int, off_px: float) -> None:
    rng = np.random.default_rng(seed)
    pose_244 = assemble(from_axis_angle(rng.normal(size=(2, 3)) * 0.1), np.array([[0.0, 0, 0], [1, 0.2, 0.1]]))
    point_N3 = rng.uniform((-1, -1, 4), (1, 1, 8), size=(10, 3))
    seen_2N2 = project(transform(pose_244, np.stack([point_N3] * 2)), np.stack([SQUARE] * 2)) * 64
    matrix = fundamental(*pose_244, np.stack([SQUARE] * 2), height_px=64, width_px=64)
    assert matrix is not None
    assert sampson_px(matrix, *seen_2N2) == pytest.approx(np.zeros(10), abs=1e-8)
    line_N3 = np.concatenate([seen_2N2[0], np.ones((10, 1))], 1) @ matrix.T
    across_N2 = line_N3[:, :2] / np.linalg.norm(line_N3[:, :2], axis=1, keepdims=True)
    moved = sampson_px(matrix, seen_2N2[0], seen_2N2[1] + off_px * across_N2)
    assert ((moved > 0.4 * off_px) & (moved <= off_px + 1e-6)).all()


def test_cameras_in_one_place_have_no_epipolar_lines() -> None:
    turn_44 = assemble(from_axis_angle(np.array([0.0, 0.3, 0.0])), np.zeros(3))
    assert fundamental(np.eye(4), turn_44, np.stack([SQUARE] * 2), height_px=64, width_px=64) is None


def exact_path(seed: int) -> tuple[Path | None, np.ndarray]:
    """The path found in points that are seen exactly, and the true one."""
    rng = np.random.default_rng(seed)
    step_T1 = np.arange(6.0)[:, None]
    pose_T44 = assemble(from_axis_angle(step_T1 * rng.uniform(-0.03, 0.03, 3)), step_T1 * rng.uniform(0.05, 0.1, 3))
    point_N3 = rng.uniform((-1.5, -1.5, 3), (1.5, 1.5, 7), size=(80, 3))
    uv_TN2 = project(transform(pose_T44, np.stack([point_N3] * 6)), np.stack([SQUARE] * 6))
    tracks = Tracks(uv_NT2=uv_TN2.swapaxes(0, 1), view_N=np.zeros(80, np.int64))
    return find_path(tracks, Rig.of_camera(np.stack([SQUARE] * 6), width_px=64)), pose_T44


def test_exact_points_give_the_exact_path_up_to_its_scale_nearly_always() -> None:
    exact = 0
    for seed in range(12):
        path, pose_T44 = exact_path(seed)
        assert path is not None
        found_T3, true_T3 = positions(path.first_to_rig_T44), positions(pose_T44)
        turned_rad_T = angle_between_rad(path.first_to_rig_T44[:, :3, :3], pose_T44[:, :3, :3])
        off_m = np.abs(scale_between(found_T3, true_T3) * found_T3 - true_T3).max()
        exact += np.degrees(turned_rad_T).max() < 0.1 and off_m < 0.03
    # A descent can end where near and far are mistaken for each other.
    assert exact >= 10
