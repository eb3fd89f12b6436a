"""True clips of the worlds, with rows as their contracts have them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

from cosmos_recipes.data.geometry.poses import invert
from cosmos_recipes.evaluation.tasks.base import Row, Setting, Video
from cosmos_recipes.worlds.world import find_world

FRAMES = 13


@cache
def true_clip(world: str, seed: int, *, side_px: int = 64, skip: int = 1) -> tuple[Video, Row]:
    """A clip of every `skip`-th frame and its row: poses relative to the first view's first, intrinsics of each frame."""
    found = find_world(world)
    episode = found.play(seed, frames=25, rate_hz=5.0)
    views = found.views
    pictures = found.render(episode, side_px, side_px)
    values = found.values({"caption": episode.caption, **found.truth(episode, side_px, side_px, views)})
    moments = slice(0, FRAMES * skip, skip)
    video_TCHW = torch.from_numpy(np.concatenate([pictures[view][moments] for view in views]))
    setting = Setting(
        task=world,
        views=views if len(views) > 1 else (),
        given_frames=1,
        columns=frozenset(),
        world=world,
        features=lambda video_BCTHW: video_BCTHW.float(),
    )
    return Video(video_CTHW=video_TCHW.permute(3, 0, 1, 2), setting=setting), _row(values, moments)


def _row(values: dict[str, Any], moments: slice) -> Row:
    row = {name: values[name][moments] for name in ("state", "action") if name in values}
    if "ego_pose" in values:
        row["pose"] = invert(values["ego_pose"][None, moments] @ values["rig"][:, None])
    elif "poses" in values:
        row["pose"] = np.repeat(values["poses"][:, None], FRAMES, 1)
    elif "pose" in values:
        row["pose"] = values["pose"][moments]
    if "pose" in row:
        first_44 = row["pose"].reshape(-1, 4, 4)[0]
        row["pose"] = row["pose"] @ invert(first_44)
        row["intrinsics"] = np.repeat(values["intrinsics"][..., None, :], FRAMES, -2)
    return row
