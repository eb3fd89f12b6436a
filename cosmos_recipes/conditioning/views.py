"""Several views of the same, predicted together: each knows which view it is, and has the caption for a context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cosmos_recipes.backbones.autoregressive.places import FRAME
from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.conditioning.base import ContextShape, Head, Surroundings
from cosmos_recipes.conditioning.text import TextHead

if TYPE_CHECKING:
    from torch import nn


def view_places(around: Surroundings) -> dict[str, int]:
    """Return where the embeddings of the views enter, and how wide they are there."""
    if around.family == "autoregressive":
        return {FRAME: around.width}
    return {"time_BTD": around.width, "modulation_BTD": 3 * around.width}


def view_parameters(around: Surroundings) -> int:
    """Return how many numbers of the network of the views train."""
    of_embeddings = sum(view_places(around).values()) * max(1, len(around.views))
    of_a_block = 4 * around.width**2 + 2 * (around.width // around.attention_heads)
    across = around.blocks * of_a_block if around.attention == "per-view" else 0
    return TextHead().parameters(around) + of_embeddings + across


class ViewsHead(Head):
    """Multi-view post-training: an embedding of each view enters with the time of its latent frames.

    After the multi-view models of Predict1 and Predict2.5. Views attend to each other all at once, or by an attention of
    their own with a map of which view sees which, as in Predict2.5's `MultiViewCrossDiT`. In a decoder the embedding enters
    at the input of every block, and each view's tokens see the text of that view.
    """

    name = "views"
    summary = "Several cameras that see the same; a caption, where there is one, says what happens."
    task = "multi-view"
    schema = "multi-view"
    families = FAMILIES
    columns = ()
    optional_columns = ("caption",)
    of_views = True
    with_time = (None,)

    def padding(self, text: ContextShape, temporal: int) -> Mapping[str, str]:
        """See `Head.padding`."""
        return TextHead().padding(text, temporal)

    def parameters(self, around: Surroundings) -> int:
        """See `Head.parameters`."""
        return view_parameters(around)

    def build(self, around: Surroundings) -> nn.Module:
        """Return the embeddings of the views, the text's network, and the attention across views if that is chosen."""
        from cosmos_recipes.conditioning.views_network import build_views

        return build_views(around)
