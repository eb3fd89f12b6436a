"""Generating chunk by chunk. Legend: B batch (one), C colours, V views, T frames, H height, W width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cosmos_recipes.backbones.objectives import Sampling
from cosmos_recipes.run.sampling.timeline import Timeline

if TYPE_CHECKING:
    from cosmos_recipes.run.progress import Progress
    from cosmos_recipes.training.world_model import WorldModel


def chunk_seeds(seed: int, chunks: int) -> list[int]:
    """Return the seed of each chunk's noise; the first is that of the evaluation's first clip."""
    return [(seed << 32) + chunk for chunk in range(chunks)]


def roll_out(
    model: WorldModel,
    given_BCTHW: Tensor,
    rows: Sequence[dict[str, Any]] | None,
    timeline: Timeline,
    *,
    seed: int,
    sampling: Sampling,
    guidance: float,
    progress: Progress,
) -> Tensor:
    """Return `video_VCTHW` (uint8): the given frames, and what follows of each view; `rows` control the chunks."""
    views = model.view_count
    given = given_BCTHW.to(model.transformer.device)
    video_BCVTHW = given.unflatten(2, (views, -1))
    for chunk, own_seed in enumerate(chunk_seeds(seed, timeline.chunks)):
        progress("generating chunk", chunk + 1, timeline.chunks)
        control = model.null(1) if rows is None else model.collate([rows[chunk]])
        generated = model.generate(
            given, control, frames=timeline.frames, sampling=sampling, guidance=guidance, seeds=[own_seed]
        ).unflatten(2, (views, -1))
        known = given.shape[2] // views
        video_BCVTHW = torch.cat([video_BCVTHW, generated[:, :, :, known:]], 3)
        given = generated[:, :, :, timeline.frames - timeline.overlap :].flatten(2, 3)
    video_VCTHW: Tensor = video_BCVTHW[0, :, :, : timeline.kept].transpose(0, 1).cpu()
    return video_VCTHW
