"""If these fail, a camera head is told other rays than those that the pixels were seen along."""

from __future__ import annotations

import numpy as np
from drawn_poses import Array, intrinsics, paths
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.data.geometry.intrinsics import project
from cosmos_recipes.data.geometry.poses import invert, transform
from cosmos_recipes.data.geometry.rays import plucker_rays

HEIGHT, WIDTH = 4, 6


def rays(path: Array, values: Array) -> tuple[Array, Array]:
    """Directions and moments, each (T, H, W, 3)."""
    found = plucker_rays(path, values, height_px=HEIGHT, width_px=WIDTH)
    assert found.shape == (len(path), HEIGHT, WIDTH, 6)
    return found[..., :3], found[..., 3:]


@settings(deadline=None)
@given(path=paths(), values=intrinsics, depth=st.floats(0.5, 50))
def test_a_point_along_a_ray_is_seen_at_its_pixel_and_has_its_moment(path: Array, values: Array, depth: float) -> None:
    direction, moment = rays(path, np.broadcast_to(values, (len(path), 4)))
    np.testing.assert_allclose(np.linalg.norm(direction, axis=-1), 1)
    point = invert(path)[:, None, None, :3, 3] + depth * direction
    np.testing.assert_allclose(np.cross(point, direction), moment, atol=1e-8)
    seen = project(transform(path, point.reshape(len(path), -1, 3)), values)
    columns, rows = np.meshgrid((np.arange(WIDTH) + 0.5) / WIDTH, (np.arange(HEIGHT) + 0.5) / HEIGHT)
    np.testing.assert_allclose(seen, [np.stack([columns, rows], -1).reshape(-1, 2)] * len(path), atol=1e-6)


def test_rays_of_a_camera_at_the_origin_have_no_moment_and_those_beside_it_a_known_one() -> None:
    shifted = np.eye(4)
    shifted[:3, 3] = [-2, 0, 0]
    direction, moment = rays(np.array([np.eye(4), shifted]), np.array([0.5, 0.5, 0.5, 0.5]))
    np.testing.assert_array_equal(moment[0], 0)
    np.testing.assert_array_equal(direction[0], direction[1])
    # The camera is at (2, 0, 0), and (2, 0, 0) x (x, y, z) = (0, -2 z, 2 y).
    x, y, z = np.moveaxis(direction[1], -1, 0)
    np.testing.assert_allclose(moment[1], np.stack([0 * x, -2 * z, 2 * y], -1))
    corner = np.array([(0.5 / WIDTH - 0.5) / 0.5, (0.5 / HEIGHT - 0.5) / 0.5, 1])
    np.testing.assert_allclose(direction[0, 0, 0], corner / np.linalg.norm(corner))
