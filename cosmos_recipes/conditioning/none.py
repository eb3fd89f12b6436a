"""The head of the general task: nothing but the given frames controls the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from cosmos_recipes.conditioning.base import TextSettings


class NoneHead:
    """No control."""

    name = "none"
    summary = "No control: the given frames alone."
    task = "general"
    schema = "instruction-video"
    families = ("diffusion",)
    columns: tuple[str, ...] = ()

    def build(self, text: TextSettings) -> nn.Module:
        """Return a module without parameters."""
        from cosmos_recipes.conditioning.networks import NullContext

        return NullContext(width=text.width)
