"""The rays of a camera's pixels as Plücker coordinates."""

from __future__ import annotations

import numpy as np

from cosmos_recipes.data.geometry.poses import invert
from cosmos_recipes.data.geometry.rotations import Array


def plucker_rays(world_to_camera_T44: Array, intrinsics_T4: Array, *, height_px: int, width_px: int) -> Array:
    """Return a ray for the centre of each pixel (T, H, W, 6): unit direction, then moment in metres, in the world.

    The moment is `origin x direction`, the same for every point of the ray taken as its origin (J. Plücker, 1865).
    `intrinsics_T4` are normalised, so the rays can be had at any resolution, that of the latent too.
    """
    right_HW, down_HW = np.meshgrid((np.arange(width_px) + 0.5) / width_px, (np.arange(height_px) + 0.5) / height_px)
    fx, fy, cx, cy = np.moveaxis(intrinsics_T4[..., None, None], -3, 0)
    x_THW, y_THW = (right_HW - cx) / fx, (down_HW - cy) / fy
    seen_THW3 = np.stack([x_THW, y_THW, np.ones_like(x_THW)], axis=-1)
    seen_THW3 /= np.linalg.norm(seen_THW3, axis=-1, keepdims=True)
    camera_to_world_T44 = invert(world_to_camera_T44)
    direction_THW3 = np.einsum("...ij,...hwj->...hwi", camera_to_world_T44[..., :3, :3], seen_THW3)
    moment_THW3 = np.cross(camera_to_world_T44[..., None, None, :3, 3], direction_THW3)
    return np.concatenate([direction_THW3, moment_THW3], axis=-1)
