"""Where a vehicle goes as the control of all its cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmos_recipes.conditioning.base import Head, Surroundings

if TYPE_CHECKING:
    from torch import nn


class TrajectoryHead(Head):
    """Multi-view and trajectory post-training: what the head `views` does, and the way of the vehicle at each frame.

    Cameras are fixed on the vehicle, so that its way is that of every view: no rays are needed.
    """

    name = "views+trajectory"
    summary = "A vehicle's cameras, and where it goes after the first frame."
    task = "multi-view + trajectory"
    schema = "trajectory"
    families = ("diffusion",)
    columns = ("trajectory",)
    optional_columns = ("caption",)
    of_views = True

    def build(self, around: Surroundings) -> nn.Module:
        """Return the views' network with the embedding of the way."""
        from cosmos_recipes.conditioning.trajectory_network import TrajectoryEmbedding
        from cosmos_recipes.conditioning.views_network import build_views

        return TrajectoryEmbedding(
            views=build_views(around),
            points=around.numbers["trajectory"],
            points_hz=around.rates_hz["trajectory"],
            temporal=around.temporal,
            frames=around.frames,
            rate_hz=around.rate_hz,
            width=around.width,
        )
