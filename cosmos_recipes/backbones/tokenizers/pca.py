"""A continuous tokenizer in closed form: principal components of space-time patches.

It needs no download and no training: the covariance of some thousand patches is summed up and decomposed in seconds.
Legend: B batch, C channels, T frames, H height, W width, N patches, P values in a patch, D latent channels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from cosmos_recipes.backbones.stored import load_built
from cosmos_recipes.backbones.tokenizers.patches import patches_of, video_of
from cosmos_recipes.recipe.json_object import read_json_object


class PcaTokenizer(nn.Module):
    """Latents are the first `channels` principal components of patches of `temporal` x `spatial` x `spatial` pixels.

    Frame 0 is a latent frame of its own (the patch repeats it), as in the causal Cosmos tokenizers: 1 + k * temporal
    frames become 1 + k latent frames. Component i is divided by its deviation to the power `whitening`, so that weak
    components are not drowned by the noise of the diffusion; then all are scaled to unit mean variance.
    """

    mean_P: Tensor
    basis_PD: Tensor
    scale_D: Tensor

    def __init__(self, *, temporal: int = 4, spatial: int = 8, channels: int = 64, whitening: float = 0.5) -> None:
        super().__init__()
        self.temporal, self.spatial, self.channels, self.whitening = temporal, spatial, channels, whitening
        values = 3 * temporal * spatial * spatial
        self.register_buffer("mean_P", torch.zeros(values))
        self.register_buffer("basis_PD", torch.zeros(values, channels))
        self.register_buffer("scale_D", torch.ones(channels))

    def fit(self, videos: Iterable[Tensor]) -> PcaTokenizer:
        """Set the components from batches of `video_BCTHW` (uint8, T = 1 + k * temporal), all held one at a time."""
        total_P, outer_PP, count = torch.zeros(()), torch.zeros(()), 0
        for video_BCTHW in videos:
            patches_NP = self._patches(video_BCTHW).flatten(0, 3).double()
            total_P = total_P + patches_NP.sum(0)
            outer_PP = outer_PP + patches_NP.T @ patches_NP
            count += len(patches_NP)
        mean_P = total_P / count
        variance_P, vectors_PP = torch.linalg.eigh(outer_PP / count - torch.outer(mean_P, mean_P))
        basis_PD = vectors_PP.flip(1)[:, : self.channels]
        # The sign of an eigenvector is arbitrary: fix it, so that two machines fit the same tokenizer.
        basis_PD = basis_PD * basis_PD.gather(0, basis_PD.abs().argmax(0, keepdim=True)).sign()
        deviation_D = variance_P.flip(0)[: self.channels].clamp_min(1e-12).sqrt()
        scale_D = deviation_D.clamp_min(deviation_D[0] * 1e-3) ** -self.whitening
        scale_D = scale_D / (deviation_D * scale_D).square().mean().sqrt()
        for name, value in (("mean_P", mean_P), ("basis_PD", basis_PD), ("scale_D", scale_D)):
            getattr(self, name).copy_(value)
        return self

    def encode(self, video_BCTHW: Tensor) -> Tensor:
        """Return float32 latents (B, channels, 1 + (T - 1) / temporal, H / spatial, W / spatial) of uint8 video."""
        centred = self._patches(video_BCTHW) - self.mean_P
        return ((centred @ self.basis_PD) * self.scale_D).permute(0, 4, 1, 2, 3).contiguous()

    def decode(self, latent_BDTHW: Tensor) -> Tensor:
        """Return uint8 video (B, 3, 1 + (T - 1) * temporal, H * spatial, W * spatial) of latents."""
        components = latent_BDTHW.float().permute(0, 2, 3, 4, 1) / self.scale_D
        patches = components @ self.basis_PD.T + self.mean_P
        return video_of(patches, temporal=self.temporal, spatial=self.spatial)

    def _patches(self, video_BCTHW: Tensor) -> Tensor:
        return patches_of(video_BCTHW, temporal=self.temporal, spatial=self.spatial)

    def save_pretrained(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors`."""
        folder.mkdir(parents=True, exist_ok=True)
        names = ("temporal", "spatial", "channels", "whitening")
        config = {"tokenizer": "pca", **{name: getattr(self, name) for name in names}}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        save_file(self.state_dict(), folder / "model.safetensors")

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read what `save_pretrained` wrote."""
        config = read_json_object(folder / "config.json")
        del config["tokenizer"]
        tokenizer: Self = load_built(lambda: cls(**config), folder / "model.safetensors")
        return tokenizer
