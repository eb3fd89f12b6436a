"""If these fail, a camera's rays enter at another frame or another place of the picture than they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from cosmos_recipes.conditioning.rays import RAY, RayEmbedding
from cosmos_recipes.data.geometry.rays import plucker_rays

FRAMES, GRID = 9, (2, 3)


def row(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    pose_T44 = np.repeat(np.eye(4)[None], FRAMES, axis=0)
    pose_T44[:, :3, 3] = rng.normal(size=(FRAMES, 3))
    return {"pose": pose_T44.astype(np.float32), "intrinsics": np.full((FRAMES, 4), 0.6, np.float32)}


def test_each_latent_frame_has_the_rays_of_its_own_frames() -> None:
    own = row(0)
    built = RayEmbedding(temporal=4, frames=FRAMES, grid=GRID, blocks=2, width=8, context_width=4)
    ray_BTHWR = built.collate([own])["ray_BTHWR"]
    truth_THW6 = plucker_rays(own["pose"], own["intrinsics"], height_px=GRID[0], width_px=GRID[1])
    assert ray_BTHWR.shape == (1, 3, *GRID, 4 * RAY)
    for latent, frames in enumerate(([0, 0, 0, 0], [1, 2, 3, 4], [5, 6, 7, 8])):
        for place, frame in enumerate(frames):
            found = ray_BTHWR[0, latent, :, :, place * RAY : (place + 1) * RAY]
            np.testing.assert_allclose(found, truth_THW6[frame], rtol=1e-5, atol=1e-6)


def test_a_clip_without_a_control_is_the_same_wherever_its_camera_is() -> None:
    built = RayEmbedding(temporal=4, frames=FRAMES, grid=GRID, blocks=2, width=8, context_width=4)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter)
    control = built.collate([row(0), row(1)])
    assert built(control)["attention_NBLD"].any()
    assert not built({**control, "known_B": torch.zeros(2)})["attention_NBLD"].any()
    assert not built(built.null(2))["attention_NBLD"].any()
