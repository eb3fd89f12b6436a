"""If these fail, a camera's rays enter at another frame or another place of the picture than they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cosmos_recipes.backbones.places import ATTENTION
from cosmos_recipes.conditioning.rays import RAY, RayEmbedding
from cosmos_recipes.data.geometry.rays import plucker_rays

FRAMES, GRID = 9, (2, 3)


def row(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    pose_T44 = np.repeat(np.eye(4)[None], FRAMES, axis=0)
    pose_T44[:, :3, 3] = rng.normal(size=(FRAMES, 3))
    return {"pose": pose_T44.astype(np.float32), "intrinsics": np.full((FRAMES, 4), 0.6, np.float32)}


def embedding(patch: tuple[int, int] = (1, 1)) -> RayEmbedding:
    return RayEmbedding(
        temporal=4, frames=FRAMES, grid=GRID, patch=patch, blocks=2, width=8, place=ATTENTION, text_width=4
    )


@pytest.mark.parametrize("patch", [(1, 1), (2, 3)])
def test_each_token_has_the_rays_of_its_own_cells_and_frames(patch: tuple[int, int]) -> None:
    """Rays that are off by one frame or one cell tell each token what another one sees."""
    own, (high, wide) = row(0), patch
    ray_BTHWR = embedding(patch).collate([own])["ray_BTHWR"]
    truth_THW6 = plucker_rays(own["pose"], own["intrinsics"], height_px=GRID[0] * high, width_px=GRID[1] * wide)
    assert ray_BTHWR.shape == (1, 3, *GRID, 4 * high * wide * RAY)
    for latent, frames in enumerate(([0, 0, 0, 0], [1, 2, 3, 4], [5, 6, 7, 8])):
        for y, x in np.ndindex(GRID):
            found = ray_BTHWR[0, latent, y, x].reshape(4, high, wide, RAY)
            expected = truth_THW6[frames, y * high : (y + 1) * high, x * wide : (x + 1) * wide]
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_moved_camera_changes_the_latent_frame_that_it_moves_in_alone() -> None:
    still, moved = row(0), row(0)
    moved["pose"][5, :3, 3] += 1
    rays = embedding().collate([still, moved])["ray_BTHWR"]
    assert (rays[0] != rays[1]).flatten(1).any(1).tolist() == [False, False, True]


def test_a_clip_without_a_control_is_the_same_wherever_its_camera_is() -> None:
    built = embedding()
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter)
    control = built.collate([row(0), row(1)])
    assert built(control)["attention_NBLD"].any()
    assert not built({**control, "known_B": torch.zeros(2)})["attention_NBLD"].any()
    assert not built(built.null(2))["attention_NBLD"].any()
