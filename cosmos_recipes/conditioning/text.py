"""A caption as the control: an instruction that the predicted frames must obey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmos_recipes.backbones.text import is_frozen
from cosmos_recipes.conditioning.base import Head, Surroundings

if TYPE_CHECKING:
    from torch import nn


class TextHead(Head):
    """Instruction post-training: the caption enters through cross-attention."""

    name = "text"
    summary = "A caption says what happens next."
    task = "instruction"
    schema = "instruction-video"
    families = ("diffusion",)
    columns = ("caption",)

    def build(self, around: Surroundings) -> nn.Module:
        """Return a trainable encoder of the caption's bytes, or what passes on the context that a frozen one prepared."""
        from cosmos_recipes.conditioning.networks import ByteText, PreparedText

        if is_frozen(around.text.encoder):
            return PreparedText(length=around.text.length, width=around.text.width)
        return ByteText(length=around.text.length, width=around.text.width)
