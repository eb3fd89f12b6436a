"""No control: the model continues the given frames as it sees fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.conditioning.base import Head, Surroundings

if TYPE_CHECKING:
    from torch import nn


class NoneHead(Head):
    """General post-training: video alone."""

    name = "none"
    summary = "No control: continue the given frames."
    task = "general"
    needs_context = False
    schema = "instruction-video"
    families = FAMILIES
    columns = ()

    def build(self, around: Surroundings) -> nn.Module:
        """Return the context of zeros that a network sees without a caption."""
        from cosmos_recipes.conditioning.networks import NullContext

        return NullContext(width=around.text.width)
