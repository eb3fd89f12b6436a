"""Where a vehicle goes as the control of all its cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmos_recipes.conditioning.base import Head, Surroundings
from cosmos_recipes.conditioning.views import view_parameters

if TYPE_CHECKING:
    from torch import nn

EXPANSION = 4
"""Width of the hidden layer, in widths of the network."""


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

    def parameters(self, around: Surroundings) -> int:
        """See `Head.parameters`."""
        from_way, to_network = 2 * 3 * around.temporal + 1, 4 * around.width
        return view_parameters(around) + EXPANSION * around.width * (from_way + to_network)

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
            hidden=EXPANSION * around.width,
        )
