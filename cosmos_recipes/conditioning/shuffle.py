"""A wrong control for each clip: that of another one. What a model does with it tells whether it obeys its control.

Legend: B batch (clips).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Control = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shuffle:
    """Whose control each clip gets; clips for which `kept_B` is False have no other and keep their own."""

    source_B: Tensor
    kept_B: Tensor

    @property
    def without_other(self) -> int:
        """Clips for which every other clip has the same control."""
        return int((~self.kept_B).sum())


def shuffle(control: Control, *, seed: int) -> Shuffle:
    """Give each clip another clip's control that differs from its own, each control being given once if that can be.

    Controls are compared as the model sees them. Clips are ordered by control and moved on by the size of the largest
    group; where one control has more than half of the clips, the rest of its clips draw from the others.
    """
    groups_B = _groups(control)
    clips = len(groups_B)
    generator = np.random.default_rng(seed)
    mixed_B = generator.permutation(clips)
    renamed = generator.permutation(int(groups_B.max()) + 1)
    ordered_B = mixed_B[np.argsort(renamed[groups_B[mixed_B]], kind="stable")]
    source_B = np.empty(clips, dtype=np.int64)
    source_B[ordered_B] = np.roll(ordered_B, -int(np.bincount(groups_B).max()))
    for clip in np.flatnonzero(groups_B[source_B] == groups_B):
        others = np.flatnonzero(groups_B != groups_B[clip])
        source_B[clip] = generator.choice(others) if len(others) else clip
    return Shuffle(source_B=torch.from_numpy(source_B), kept_B=torch.from_numpy(groups_B[source_B] != groups_B))


def select(control: Control, clips: Tensor) -> Control:
    """Return the controls of the chosen clips."""
    return {name: value[clips.to(value.device)] for name, value in control.items()}


def _groups(control: Control) -> NDArray[np.int64]:
    """Return a number for each clip; equal controls have equal numbers."""
    columns = [
        value.detach().cpu().double().flatten(1) if value.ndim > 1 else value.cpu().double()[:, None]
        for value in control.values()
    ]
    groups_B: NDArray[np.int64] = torch.unique(torch.cat(columns, 1), dim=0, return_inverse=True)[1].numpy()
    return groups_B
