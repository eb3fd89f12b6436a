"""The camera's way as the control: the ray of each token in each block's attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmos_recipes.conditioning.base import Head, Surroundings

if TYPE_CHECKING:
    from torch import nn


class CameraHead(Head):
    """Camera post-training: Plücker rays of each token's pixels, embedded, enter every block before it attends.

    After Predict2.5's camera-conditioned model. Intrinsics are those of the clip's pictures, so that crops and lenses of
    any kind are right.
    """

    name = "camera"
    summary = "Where the camera is and how its lens sees, at each frame."
    task = "camera"
    schema = "pose"
    families = ("diffusion",)
    columns = ("pose", "intrinsics")

    def build(self, around: Surroundings) -> nn.Module:
        """Return the embedding of the rays, one for each block."""
        from cosmos_recipes.conditioning.rays import RayEmbedding

        return RayEmbedding(
            temporal=around.temporal,
            frames=around.frames,
            grid=around.grid,
            blocks=around.blocks,
            width=around.width,
            context_width=around.text.width,
        )
