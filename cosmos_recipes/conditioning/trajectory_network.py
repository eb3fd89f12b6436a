"""The network of the trajectory head.

Legend: B batch, N points to come, F frames of a clip, T latent frames of a view, V views, D width of the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cosmos_recipes.conditioning.views_network import ViewsNetwork

Control = dict[str, Tensor]
SCALE_M = (10.0, 4.0, 1.0)
"""What x, y and z are divided by, as in the trajectory model of NeMo VFM, which is Cosmos Predict1 (cosmos_av_w_traj.py)."""
ROUNDING_S = 1e-6
"""How far after the last point a frame may be by rounding."""


class TrajectoryEmbedding(nn.Module):
    """Embeds where the vehicle is at each frame, and how fast, for the places of its latent frame where that is `entering`.

    Between points the way is straight. Frames after the last point get zeros, and so does a clip without a control. The
    last layers start at zero, so that at step 0 nothing is added to what the network of the views gives.
    """

    way_2FN: Tensor
    scale_m: Tensor

    def __init__(
        self,
        *,
        views: ViewsNetwork,
        points: int,
        points_hz: float,
        temporal: int,
        frames: int,
        rate_hz: float,
        entering: Mapping[str, int],
        hidden: int,
    ) -> None:
        super().__init__()
        self.views, self.points, self.temporal = views, points, temporal
        way_2FN = _place_and_speed(points, points_hz, frames, rate_hz).astype(np.float32)
        self.register_buffer("way_2FN", torch.from_numpy(way_2FN), persistent=False)
        self.register_buffer("scale_m", torch.tensor(SCALE_M), persistent=False)
        self.hidden = nn.Linear(2 * len(SCALE_M) * temporal, hidden)
        lasts = {place: nn.Linear(hidden, width, bias=False) for place, width in entering.items()}
        self.lasts = nn.ModuleDict(lasts)
        for last in lasts.values():
            nn.init.zeros_(last.weight)

    @property
    def text(self) -> nn.Module:
        """What reads the captions."""
        text: nn.Module = self.views.text
        return text

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return `trajectory_BN3` of rows in metres, that all of them are known, and the text of every view."""
        trajectory_BN3 = torch.from_numpy(np.stack([row["trajectory"] for row in rows]).astype(np.float32))
        known_B = torch.ones(len(rows))
        return {**self.views.collate(rows), "trajectory_BN3": trajectory_BN3, "known_B": known_B}

    def null(self, batch: int) -> Control:
        """Return unknown trajectories and no text for a batch of clips."""
        trajectory_BN3 = torch.zeros(batch, self.points, len(SCALE_M))
        return {**self.views.null(batch), "trajectory_BN3": trajectory_BN3, "known_B": torch.zeros(batch)}

    def forward(self, control: Control) -> dict[str, Any]:
        """Return what the network of the views gives, and the way of the vehicle where that is `entering`."""
        own = {"trajectory_BN3", "known_B"}
        entering: dict[str, Any] = self.views({name: value for name, value in control.items() if name not in own})
        way_BTG = self._way(control["trajectory_BN3"])
        known_B11 = control["known_B"][:, None, None]
        hidden_BTG = nn.functional.gelu(self.hidden(way_BTG), approximate="tanh") * known_B11
        for place, last in self.lasts.items():
            entering[place] = last(hidden_BTG).repeat(1, self.views.views, 1) + entering.get(place, 0)
        return entering

    def start_from(self, transformer: Any) -> None:
        """See `ViewsNetwork.start_from`."""
        self.views.start_from(transformer)

    def _way(self, trajectory_BN3: Tensor) -> Tensor:
        """Return places and speeds at the frames of each latent frame (B, T, G); the first has one frame, which is repeated."""
        way_BF23 = torch.einsum("kfn,bnx->bfkx", self.way_2FN, trajectory_BN3 / self.scale_m)
        first, others = way_BF23[:, :1].expand(-1, self.temporal, -1, -1), way_BF23[:, 1:]
        way_BTG: Tensor = torch.cat([first, others], 1).unflatten(1, (-1, self.temporal)).flatten(2)
        return way_BTG


def _place_and_speed(points: int, points_hz: float, frames: int, rate_hz: float) -> np.ndarray:
    """Return what makes the places at the frames, and the speeds per second, of the points to come (2, F, N)."""
    frames_s, knots_s = np.arange(frames) / rate_hz, np.arange(points + 1) / points_hz
    place_FN = np.stack([np.interp(frames_s, knots_s, knot) for knot in np.eye(points + 1)[1:]], 1)
    known_F = frames_s <= knots_s[-1] + ROUNDING_S
    speed_FN = np.zeros_like(place_FN)
    if known_F.sum() > 1:
        speed_FN[known_F] = np.gradient(place_FN[known_F], frames_s[known_F], axis=0)
    way_2FN: np.ndarray = np.stack([place_FN, speed_FN]) * known_F[:, None]
    return way_2FN
