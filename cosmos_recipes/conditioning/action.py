"""Actions as the control: what is done from each frame to the next, entering with the latent frame that it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.conditioning.base import ContextShape, Head, Surroundings

if TYPE_CHECKING:
    from torch import nn


class ActionHead(Head):
    """Action post-training: the actions that lead to a latent frame are grouped and enter in one of three ways.

    `time` adds them to the embedding of its time, as Predict2.5's action-conditioned model does; `cross-attention` makes a
    token of them that all blocks attend to; `channels` gives them to each patch with the latents. Predict2.5's report
    (table 20) compares the three, and finds them better in this order.

    In a decoder they are a token of the context that is seen where the tokens of that latent frame are predicted, and
    nowhere else: Predict1's group-diagonal mask.
    """

    name = "action"
    summary = "What is done from each frame to the next, such as moves of a gripper."
    task = "action"
    schema = "action-frame"
    families = FAMILIES
    columns = ("action",)
    with_time = ("time",)
    entries: ClassVar[Mapping[str, tuple[str, ...]]] = {"diffusion": ("time", "cross-attention", "channels")}

    def padding(self, text: ContextShape, temporal: int) -> Mapping[str, str]:
        """See `Head.padding`."""
        said = f"The {temporal} actions that lead to a latent frame enter together; none leads to the first. A clip without a control has zeros, marked as unknown."
        return {"action": said}

    def build(self, around: Surroundings) -> nn.Module:
        """Return the network of the chosen way in."""
        from cosmos_recipes.conditioning.actions import ActionChannels, ActionEmbedding, ActionTokens

        actions = {
            "numbers": around.numbers["action"],
            "temporal": around.temporal,
            "frames": around.frames,
            "text_width": around.text.width,
        }
        match self._entry(around):
            case "cross-attention":
                return ActionTokens(context_width=around.context_width, bound=False, **actions)
            case "own-context":
                return ActionTokens(context_width=around.context_width, bound=True, **actions)
            case "channels":
                return ActionChannels(width=around.width, **actions)
            case _:
                return ActionEmbedding(width=around.width, **actions)

    def _entry(self, around: Surroundings) -> str | None:
        return "own-context" if around.family == "autoregressive" else self.entry(around.enters, around.family)

    def parameters(self, around: Surroundings) -> int:
        """Return how many numbers of the head train."""
        grouped = around.numbers["action"] * around.temporal
        match self._entry(around):
            case "cross-attention" | "own-context":
                later = (around.frames - 1) // around.temporal
                return 4 * around.context_width * (grouped + 1 + later + around.context_width)
            case "channels":
                return grouped * around.width
            case _:
                return 4 * around.width * (grouped + 1 + 4 * around.width)
