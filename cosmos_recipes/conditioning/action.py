"""Actions as the control: what is done from each frame to the next, entering with the time of each latent frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmos_recipes.conditioning.base import Head, Surroundings

if TYPE_CHECKING:
    from torch import nn


class ActionHead(Head):
    """Action post-training: the actions that lead to a latent frame are added to the embedding of its time.

    After Predict2.5's action-conditioned model, whose report (table 20) finds it better than cross-attention and than
    channels.
    """

    name = "action"
    summary = "What is done from each frame to the next, such as moves of a gripper."
    task = "action"
    schema = "action-frame"
    families = ("diffusion",)
    columns = ("action",)

    def build(self, around: Surroundings) -> nn.Module:
        """Return the embedding of the actions of each latent frame."""
        from cosmos_recipes.conditioning.actions import ActionEmbedding

        return ActionEmbedding(
            numbers=around.numbers["action"],
            temporal=around.temporal,
            frames=around.frames,
            width=around.width,
            context_width=around.text.width,
        )
