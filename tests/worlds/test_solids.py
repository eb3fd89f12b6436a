"""If these fail, solids are not drawn where they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.worlds.poses import camera_to_world, intrinsics, inverted, looking_at, project, vehicle_to_world
from cosmos_recipes.worlds.raycast import Scene, draw
from cosmos_recipes.worlds.solids import Column, Patch, Sphere, box, ground, prism
from cosmos_recipes.worlds.textures import checks, repeated_band, stripes, tiles

angles = st.floats(-math.pi, math.pi)
lengths = st.floats(0.2, 2.0)
places = st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(0, 1))


def reached(solid, eye_m, target_m):
    """Where a ray from the eye to the target meets the solid: 1 at the target."""
    direction_31 = (np.array(target_m) - np.array(eye_m)).astype(np.float32)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(solid.meet(tuple(map(float, eye_m)), direction_31)[0])


@settings(deadline=None)
@given(places, angles, lengths, lengths, lengths, st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_a_turned_box_is_met_at_its_front(base_m, yaw_rad, length_m, width_m, height_m, across, up):
    solid = box((length_m, width_m, height_m), base_m=base_m, yaw_rad=yaw_rad, paint=(0, 0, 0))
    pose_44 = vehicle_to_world(base_m, yaw_rad)
    face_m = (pose_44 @ [length_m / 2, (across - 0.5) * width_m, up * height_m, 1])[:3]
    eye_m = (pose_44 @ [length_m / 2 + 3, 0.3, height_m / 2, 1])[:3]
    assert reached(solid, eye_m, face_m) == pytest.approx(1, abs=1e-4)
    assert reached(solid, eye_m, eye_m + (eye_m - face_m)) == math.inf


@settings(deadline=None)
@given(places, lengths, angles, st.floats(-1.2, 1.2))
def test_a_ball_is_met_at_its_surface(centre_m, radius_m, around, above):
    outward = np.array([math.cos(above) * math.cos(around), math.cos(above) * math.sin(around), math.sin(above)])
    surface_m = np.array(centre_m) + radius_m * outward
    solid = Sphere(centre_m, radius_m, (0, 0, 0))
    assert reached(solid, surface_m + 2 * outward, surface_m) == pytest.approx(1, abs=1e-3)


@settings(deadline=None)
@given(places, lengths, lengths, st.floats(0, 1), angles, st.floats(0.05, 0.95))
def test_a_column_is_met_at_its_side_and_its_top(base_m, height_m, foot_m, narrowing, around, up):
    solid = Column(base_m, height_m, foot_m, (0, 0, 0), top_radius_m=foot_m * narrowing)
    away = np.array([math.cos(around), math.sin(around), 0])
    radius_m = foot_m * (1 + (narrowing - 1) * up)
    side_m = np.array(base_m) + radius_m * away + [0, 0, up * height_m]
    assert reached(solid, side_m + 3 * away, side_m) == pytest.approx(1, abs=1e-3)
    top_m = np.array(base_m) + 0.5 * foot_m * narrowing * away + [0, 0, height_m]
    if narrowing > 0.1:
        assert reached(solid, top_m + np.array([0.01, 0.01, 2]), top_m) == pytest.approx(1, abs=1e-3)


@settings(deadline=None)
@given(angles, st.floats(-1.2, 1.2), places, st.floats(0.5, 1.4))
def test_a_point_straight_ahead_is_in_the_middle_and_one_above_it_higher(yaw_rad, pitch_rad, place_m, view_rad):
    pose_44 = camera_to_world(place_m, yaw_rad, pitch_rad)
    focal_4 = intrinsics(view_rad, 64, 96)
    ahead_m = (pose_44 @ [0, 0, 4, 1])[:3]
    above_m = ahead_m + np.array([0, 0, 0.5])
    edge_m = (pose_44 @ [0, 4 * math.tan(view_rad / 2), 4, 1])[:3]
    uv_32, depth_3 = project([ahead_m, above_m, edge_m], inverted(pose_44), focal_4)
    np.testing.assert_allclose(uv_32[0], 0.5, atol=1e-6)
    np.testing.assert_allclose(uv_32[2], [0.5, 1], atol=1e-6)
    np.testing.assert_allclose(depth_3[[0, 2]], 4, atol=1e-6)
    assert uv_32[1, 1] < 0.5
    assert uv_32[1, 0] == pytest.approx(0.5, abs=1e-6)


def test_a_drawn_ball_is_where_its_middle_projects_and_as_large_as_it_should_be():
    pose_44, focal_4 = inverted(looking_at((2.0, -3.0, 1.5), (0.3, 0.2, 0.5))), intrinsics(0.8, 128, 160)
    scene = Scene(solids=[Sphere((0.2, 0.1, 0.6), 0.4, (255, 0, 0))], light=(0.0, 0.0, 1.0), ambient=1.0)
    frame_HWC = draw(scene, pose_44, focal_4, 128, 160)
    v, u = np.nonzero(frame_HWC[..., 0] > 127)
    ((u_middle, v_middle),), (depth_m,) = project([(0.2, 0.1, 0.6)], pose_44, focal_4)
    assert u.mean() + 0.5 == pytest.approx(160 * u_middle, abs=0.5)
    assert v.mean() + 0.5 == pytest.approx(128 * v_middle, abs=0.5)
    assert len(u) == pytest.approx(math.pi * (0.4 * 160 * focal_4[0] / depth_m) ** 2, rel=0.05)


def test_what_is_near_hides_what_is_far_and_throws_a_shadow_on_the_ground():
    light = (0.6, 0.0, 0.8)
    solids = [ground((200, 200, 200)), box((1.0, 1.0, 1.0), base_m=(0.0, 0.0, 0.0), paint=(255, 0, 0))]
    solids.append(Sphere((0.0, 1.2, 0.3), 0.3, (0, 255, 0)))
    pose_44, focal_4 = inverted(looking_at((0.0, -6.0, 3.0), (0.0, 0.0, 0.4))), intrinsics(0.9, 128, 128)
    frame_HWC = draw(Scene(solids=solids, light=light, ambient=0.5), pose_44, focal_4, 128, 128).astype(int)
    assert not ((frame_HWC[..., 1] > 100) & (frame_HWC[..., 0] < 50)).any()
    for x_m, brightness in ((-0.9, 100), (0.9, 180)):
        ((u, v),), _ = project([(x_m, 0.0, 0.0)], pose_44, focal_4)
        assert frame_HWC[int(v * 128), int(u * 128)].mean() == pytest.approx(brightness, abs=25)


def test_a_room_is_seen_from_the_inside_and_each_wall_has_its_paint():
    walls = {1: (255, 0, 0), 3: (0, 255, 0), 4: (0, 0, 255), 5: (255, 255, 0), 2: (255, 255, 255), 0: (0, 0, 0)}
    room = box((4.0, 6.0, 3.0), base_m=(0.0, 0.0, 0.0), paint=(9, 9, 9), paints=walls, hollow=True)
    scene = Scene(solids=[room], light=(0.0, 0.0, 1.0), ambient=1.0)
    for face, (yaw_rad, pitch_rad) in {
        1: (0, 0), 3: (math.pi, 0), 4: (math.pi / 2, 0), 5: (-math.pi / 2, 0), 2: (0, 1.5), 0: (0, -1.5)
    }.items():  # fmt: skip
        pose_44 = inverted(camera_to_world((0.0, 0.0, 1.5), yaw_rad, pitch_rad))
        colour = draw(scene, pose_44, intrinsics(0.6, 16, 16), 16, 16)[8, 8]
        np.testing.assert_array_less(np.abs(colour - (0.9 if face != 2 else 0.8) * np.array(walls[face])), 20)


@settings(deadline=None)
@given(st.floats(-5, 5), st.floats(0.3, 2), st.floats(0.1, 0.9), st.floats(0.01, 6))
def test_a_pattern_is_the_mean_over_what_a_pixel_covers(x_m, period_m, share, width_m):
    inside_N = (x_m + width_m * (np.arange(4000) + 0.5) / 4000 - width_m / 2) / period_m % 1 < share
    covered = repeated_band(np.array([x_m]), period_m, period_m * share, np.array([width_m]))
    assert covered[0] == pytest.approx(inside_N.mean(), abs=2e-3)


@pytest.mark.parametrize(
    "paint",
    [
        checks((0, 0, 0), (200, 0, 0), 0.5),
        stripes((0, 0, 0), (200, 0, 0), 1.0),
        tiles((0, 0, 0), (200, 0, 0), 1.0, 1.0, 0.3),
    ],
)
def test_a_pattern_that_is_too_fine_for_a_pixel_is_even(paint):
    u_m, v_m = np.random.default_rng(0).uniform(-9, 9, (2, 50)).astype(np.float32)
    wide = (np.full(50, 40.0, np.float32), np.zeros(50, np.float32))
    rgb_3N = paint(Patch(u_m=u_m, v_m=v_m, u_change_m=wide, v_change_m=wide))
    assert rgb_3N[0].std() < 5


def test_a_gable_roof_is_met_on_its_slope():
    roof = prism([(-2.0, 0.0), (2.0, 0.0), (0.0, 1.0)], 4.0, base_m=(0.0, 0.0, 3.0), paint=(0, 0, 0))
    assert reached(roof, (5.0, 0.5, 5.0), (1.0, 0.5, 3.5)) == pytest.approx(1, abs=1e-5)
    assert reached(roof, (1.9, -1.0, 9.0), (1.9, -1.0, 3.05)) == pytest.approx(1, abs=1e-4)
    assert reached(roof, (1.9, -1.0, 3.2), (-1.9, -1.0, 5.5)) == math.inf
