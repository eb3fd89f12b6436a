"""The head of the instruction task: a caption says what will happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from cosmos_recipes.conditioning.base import TextSettings


class TextHead:
    """A caption, through the cross-attention."""

    name = "text"
    summary = "A caption says what will happen."
    task = "instruction"
    schema = "instruction-video"
    families = ("diffusion",)
    columns = ("caption",)

    def build(self, text: TextSettings) -> nn.Module:
        """Return the byte encoder."""
        from cosmos_recipes.conditioning.networks import ByteText

        return ByteText(length=text.length, width=text.width)
