"""The networks of the camera head, one for each way in.

Legend: B batch, T latent frames, H height and W width in tokens, R numbers of a token's rays, L tokens, N blocks, D width.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cosmos_recipes.data.geometry.rays import plucker_rays

Control = dict[str, Tensor]
RAY = 6


class Rays(nn.Module):
    """What the ways in share: the rays of each token, and the context of a clip without a caption.

    A token has the rays of the centres of its latent cells (`patch`, high by wide) at each of the frames that its latent
    frame stands for; the first latent frame stands for one frame, whose rays are repeated. A clip without a control adds
    zero, and at step 0 every clip does.

    Predict2.5 folds the rays of all 16x16 pixels of a token. Of their variance, over cameras of any kind, a linear map of
    the rays of its 2x2 cells leaves one part in a million unexplained, and of its centre's ray two in a thousand.
    """

    def __init__(
        self, *, temporal: int, frames: int, grid: tuple[int, int], patch: tuple[int, int], text_width: int
    ) -> None:
        super().__init__()
        self.temporal, self.grid, self.patch, self.text_width = temporal, grid, patch, text_width
        self.latent_frames = 1 + (frames - 1) // temporal
        self.numbers = RAY * temporal * patch[0] * patch[1]

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return `ray_BTHWR` of rows, and that all of them are known."""
        rays = [self._rays(row["pose"], row["intrinsics"]) for row in rows]
        ray_BTHWR = torch.from_numpy(np.stack(rays).astype(np.float32))
        return {"ray_BTHWR": ray_BTHWR, "known_B": torch.ones(len(rows))}

    def null(self, batch: int) -> Control:
        """Return unknown rays for a batch of clips."""
        ray_BTHWR = torch.zeros(batch, self.latent_frames, *self.grid, self.numbers)
        return {"ray_BTHWR": ray_BTHWR, "known_B": torch.zeros(batch)}

    def forward(self, control: Control) -> dict[str, Tensor]:
        """Return the context of a clip without a caption, and what `enter` adds."""
        ray_BTHWR = control["ray_BTHWR"] * control["known_B"][:, None, None, None, None]
        context_BLD = ray_BTHWR.new_zeros(len(ray_BTHWR), 1, self.text_width)
        return {"encoder_hidden_states": context_BLD, **self.enter(ray_BTHWR)}

    @abstractmethod
    def enter(self, ray_BTHWR: Tensor) -> dict[str, Tensor]:
        """Return what enters the network, by its place."""

    def _rays(self, pose_T44: np.ndarray, intrinsics_T4: np.ndarray) -> np.ndarray:
        (height, width), (high, wide) = self.grid, self.patch
        ray_THW6 = plucker_rays(
            pose_T44.astype(np.float64),
            intrinsics_T4.astype(np.float64),
            height_px=height * high,
            width_px=width * wide,
        )
        first, others = np.repeat(ray_THW6[:1], self.temporal, axis=0), ray_THW6[1:]
        grouped = np.concatenate([first, others]).reshape(-1, self.temporal, height, high, width, wide, RAY)
        return grouped.transpose(0, 2, 4, 1, 3, 5, 6).reshape(-1, height, width, self.numbers)


class RayEmbedding(Rays):
    """Embeds the rays of each token for every block, for a place that each block has."""

    def __init__(self, *, blocks: int, width: int, place: str, **rays: Any) -> None:
        super().__init__(**rays)
        self.place = place
        self.blocks = nn.ModuleList(_zero_linear(self.numbers, width) for _ in range(blocks))

    def enter(self, ray_BTHWR: Tensor) -> dict[str, Tensor]:
        """Return what enters at the place, (N, B, L, D)."""
        ray_BLR = ray_BTHWR.flatten(1, 3)
        return {self.place: torch.stack([block(ray_BLR) for block in self.blocks])}


class RayChannels(Rays):
    """Gives each patch the rays of its latent cells, as if they were further channels of the latents."""

    def __init__(self, *, width: int, **rays: Any) -> None:
        super().__init__(**rays)
        self.embedding = _zero_linear(self.numbers, width)

    def enter(self, ray_BTHWR: Tensor) -> dict[str, Tensor]:
        """Return `patch_BTHWD`."""
        return {"patch_BTHWD": self.embedding(ray_BTHWR)}


def _zero_linear(numbers: int, width: int) -> nn.Linear:
    linear = nn.Linear(numbers, width, bias=False)
    nn.init.zeros_(linear.weight)
    return linear
