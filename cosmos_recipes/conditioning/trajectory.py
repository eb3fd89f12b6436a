"""Where a vehicle goes as the control of all its cameras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cosmos_recipes.backbones.autoregressive.places import OWN_CONTEXT
from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.conditioning.base import ContextShape, Head, Surroundings
from cosmos_recipes.conditioning.text import TextHead
from cosmos_recipes.conditioning.views import view_parameters, view_places

if TYPE_CHECKING:
    from torch import nn

EXPANSION = 4
"""Width of the hidden layer, in widths of the network."""


def way_places(around: Surroundings) -> dict[str, int]:
    """Return where the way of the vehicle enters, and how wide it is there."""
    return {OWN_CONTEXT: around.context_width} if around.family == "autoregressive" else view_places(around)


class TrajectoryHead(Head):
    """Multi-view and trajectory post-training: what the head `views` does, and the way of the vehicle at each frame.

    Cameras are fixed on the vehicle, so that its way is that of every view: no rays are needed. In a decoder the way is a
    token of the context for each latent frame, seen where that is predicted.
    """

    name = "views+trajectory"
    summary = "A vehicle's cameras, and where it goes after the first frame."
    task = "multi-view + trajectory"
    schema = "trajectory"
    families = FAMILIES
    columns = ("trajectory",)
    optional_columns = ("caption",)
    of_views = True
    with_time = (None,)

    def padding(self, text: ContextShape, temporal: int) -> Mapping[str, str]:
        """See `Head.padding`."""
        said = "The way between two points is straight; frames after the last point get zeros, and so does a clip without a control."
        return {"trajectory": said, **TextHead().padding(text, temporal)}

    def parameters(self, around: Surroundings) -> int:
        """See `Head.parameters`."""
        from_way, to_network = 2 * 3 * around.temporal + 1, sum(way_places(around).values())
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
            entering=way_places(around),
            hidden=EXPANSION * around.width,
        )
