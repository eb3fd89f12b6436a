"""A caption as the control: an instruction that the predicted frames must obey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cosmos_recipes.backbones.text import is_frozen
from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.conditioning.base import ContextShape, Head, Surroundings

if TYPE_CHECKING:
    from torch import nn

HIDDEN, KERNEL = 128, 7
"""Width of the encoder of bytes, and the bytes that each of its convolutions sees."""


class TextHead(Head):
    """Instruction post-training: the caption enters through cross-attention."""

    name = "text"
    summary = "A caption says what happens next."
    task = "instruction"
    schema = "instruction-video"
    families = FAMILIES
    columns = ("caption",)

    def padding(self, text: ContextShape, temporal: int) -> Mapping[str, str]:
        """See `Head.padding`."""
        if is_frozen(text.encoder):
            said = f"Read by the frozen encoder {text.encoder}; cut after {text.length} tokens, and filled up to as many with zeros."
        else:
            said = f"Read as UTF-8; cut after {text.length} bytes, and filled up to as many with zero bytes."
        return {"caption": f"{said} An empty one is no control."}

    def build(self, around: Surroundings) -> nn.Module:
        """Return a trainable encoder of the caption's bytes, or what passes on the context that a frozen one prepared."""
        from cosmos_recipes.conditioning.networks import ByteText, PreparedText

        if is_frozen(around.text.encoder):
            return PreparedText(length=around.text.length, width=around.text.width)
        return ByteText(length=around.text.length, width=around.text.width, hidden=HIDDEN, kernel=KERNEL)

    def parameters(self, around: Surroundings) -> int:
        """Return how many numbers of the head train."""
        if is_frozen(around.text.encoder):
            return 0
        bytes_and_places, norms, convolutions = 256 + around.text.length, 3 * 2, 2 * (KERNEL * HIDDEN + 1)
        return HIDDEN * (bytes_and_places + norms + convolutions + around.text.width)
