"""The network of the camera head.

Legend: B batch, T latent frames, H height and W width in tokens, R numbers of a token's rays, L tokens, N blocks, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cosmos_recipes.data.geometry.rays import plucker_rays

Control = dict[str, Tensor]
RAY = 6


class RayEmbedding(nn.Module):
    """Embeds the rays of each token's centre, at each of the frames that its latent frame stands for, for every block.

    The first latent frame stands for one frame, whose ray is repeated. A clip without a control gets zeros. The
    embeddings start at zero, so that at step 0 nothing is added.
    """

    def __init__(
        self, *, temporal: int, frames: int, grid: tuple[int, int], blocks: int, width: int, context_width: int
    ) -> None:
        super().__init__()
        self.temporal, self.grid, self.context_width = temporal, grid, context_width
        self.latent_frames = 1 + (frames - 1) // temporal
        embeddings = [nn.Linear(RAY * temporal, width, bias=False) for _ in range(blocks)]
        for embedding in embeddings:
            nn.init.zeros_(embedding.weight)
        self.blocks = nn.ModuleList(embeddings)

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return `ray_BTHWR` of rows, and that all of them are known."""
        rays = [self._rays(row["pose"], row["intrinsics"]) for row in rows]
        ray_BTHWR = torch.from_numpy(np.stack(rays).astype(np.float32))
        return {"ray_BTHWR": ray_BTHWR, "known_B": torch.ones(len(rows))}

    def null(self, batch: int) -> Control:
        """Return unknown rays for a batch of clips."""
        ray_BTHWR = torch.zeros(batch, self.latent_frames, *self.grid, RAY * self.temporal)
        return {"ray_BTHWR": ray_BTHWR, "known_B": torch.zeros(batch)}

    def forward(self, control: Control) -> dict[str, Tensor]:
        """Return `attention_NBLD`, and the context of a clip without a caption."""
        ray_BLR = control["ray_BTHWR"].flatten(1, 3) * control["known_B"][:, None, None]
        return {
            "encoder_hidden_states": ray_BLR.new_zeros(len(ray_BLR), 1, self.context_width),
            "attention_NBLD": torch.stack([block(ray_BLR) for block in self.blocks]),
        }

    def _rays(self, pose_T44: np.ndarray, intrinsics_T4: np.ndarray) -> np.ndarray:
        height, width = self.grid
        ray_THW6 = plucker_rays(
            pose_T44.astype(np.float64), intrinsics_T4.astype(np.float64), height_px=height, width_px=width
        )
        first, others = np.repeat(ray_THW6[:1], self.temporal, axis=0), ray_THW6[1:]
        grouped = np.concatenate([first, others]).reshape(-1, self.temporal, height, width, RAY)
        return np.moveaxis(grouped, 1, 3).reshape(len(grouped), height, width, -1)
