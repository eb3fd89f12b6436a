"""The camera's way as the control: the rays of each token, in each block's attention or with the latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.conditioning.base import ContextShape, Head, Surroundings

if TYPE_CHECKING:
    from torch import nn


class CameraHead(Head):
    """Camera post-training: Plücker rays of each token's latent cells enter in one of two ways.

    `attention` embeds them anew for every block, before it attends, as Predict2.5's camera-conditioned model does;
    `channels` gives them to each patch with the latents, as Cosmos 1 does (paper, section on camera control).
    In a decoder they are embedded anew at the input of every block, where the token of these rays is predicted.
    Intrinsics are those of the clip's pictures, so that crops and lenses of any kind are right.
    """

    name = "camera"
    summary = "Where the camera is and how its lens sees, at each frame."
    task = "camera"
    needs_context = False
    schema = "pose"
    families = FAMILIES
    columns = ("pose", "intrinsics")
    entries: ClassVar[Mapping[str, tuple[str, ...]]] = {"diffusion": ("attention", "channels")}

    def padding(self, text: ContextShape, temporal: int) -> Mapping[str, str]:
        """See `Head.padding`."""
        said = f"The {temporal} frames of a latent frame enter together; the first frame, which is one by itself, counts {temporal} times. A clip without a control has zeros, marked as unknown."
        return {"pose": said, "intrinsics": "As the pose, with which it gives the rays of the picture."}

    def build(self, around: Surroundings) -> nn.Module:
        """Return the network of the chosen way in."""
        from cosmos_recipes.backbones.autoregressive.places import LAYERS
        from cosmos_recipes.backbones.places import ATTENTION
        from cosmos_recipes.conditioning.rays import RayChannels, RayEmbedding

        rays: dict[str, Any] = {
            "temporal": around.temporal,
            "frames": around.frames,
            "grid": around.grid,
            "patch": around.patch,
            "text_width": around.text.width,
        }
        if self.entry(around.enters, around.family) == "channels":
            return RayChannels(width=around.width, **rays)
        place = LAYERS if around.family == "autoregressive" else ATTENTION
        return RayEmbedding(blocks=around.blocks, width=around.width, place=place, **rays)

    def parameters(self, around: Surroundings) -> int:
        """Return how many numbers of the head train."""
        of_a_ray = 6
        cells = around.patch[0] * around.patch[1]
        embeddings = 1 if self.entry(around.enters, around.family) == "channels" else around.blocks
        return embeddings * of_a_ray * around.temporal * cells * around.width
