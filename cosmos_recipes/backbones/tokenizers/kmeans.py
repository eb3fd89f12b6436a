"""A discrete tokenizer without a download: the nearest of some mean patches, found by k-means on the data in seconds.

Legend: B batch, T frames, H height, W width, N patches, P values in a patch, K codes, D numbers of a code that others see,
F numbers that a patch is restored from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import pad

from cosmos_recipes.backbones.stored import load_built
from cosmos_recipes.backbones.tokenizers.patches import patches_of, video_of
from cosmos_recipes.recipe.json_object import read_json_object

ITERATIONS = 12
MOST_PATCHES = 150_000
"""Patches that the codes are found on, drawn from those of all clips."""
MOST_BYTES = 256 * 2**20
"""Video that is kept for that."""
SEEN_BY_OTHERS = 32
"""Principal components of a code that the cells around it are restored from."""
RIDGE = 1e-3
LIKEST = 4


class KMeansTokenizer(nn.Module):
    """A patch of `temporal` x `spatial` x `spatial` pixels becomes the number of the nearest of `codes` mean patches.

    Frame 0 is a latent frame of its own, as in the causal Cosmos tokenizers. A patch is restored from its own code and, by
    a linear map that is fitted in closed form, from those beside it and before and after it. All numbers are those that
    half precision has, in which they are kept.
    """

    patch_KP: Tensor
    code_KD: Tensor
    restore_FP: Tensor
    is_local = True
    """A code stands for its own cell alone."""
    channels = 1

    def __init__(self, *, temporal: int = 4, spatial: int = 8, channels: int = 1, codes: int = 1024) -> None:
        super().__init__()
        self.temporal, self.spatial, self.codes = temporal, spatial, codes
        values, seen = 3 * temporal * spatial * spatial, min(SEEN_BY_OTHERS, codes)
        self.register_buffer("patch_KP", torch.zeros(codes, values))
        self.register_buffer("code_KD", torch.zeros(codes, seen))
        self.register_buffer("restore_FP", torch.zeros(11 * seen + 1, values))

    def fit(self, videos: Iterable[Tensor]) -> KMeansTokenizer:
        """Find the codes on batches of `video_BCTHW` (uint8, T = 1 + k * temporal), of which so much is kept as fits."""
        kept: list[Tensor] = []
        for video_BCTHW in videos:
            kept.append(video_BCTHW)
            if sum(video.nbytes for video in kept) > MOST_BYTES:
                break
        patches = [self._patches(video) for video in kept]
        drawn = torch.Generator().manual_seed(0)
        patch_NP = torch.cat([each.flatten(0, 3) for each in patches])
        patch_NP = patch_NP[torch.randperm(len(patch_NP), generator=drawn)[:MOST_PATCHES]]
        self.patch_KP.copy_(_means(patch_NP, self.codes, drawn).half())
        centred_KP = self.patch_KP - self.patch_KP.mean(0)
        axes = torch.linalg.svd(centred_KP, full_matrices=False).Vh[: self.code_KD.shape[1]]
        self.code_KD.copy_((centred_KP @ axes.T).half())
        self.restore_FP.copy_(self._restoring(patches).half())
        return self

    def encode(self, video_BCTHW: Tensor) -> Tensor:
        """Return the numbers of codes (int32), (B, 1, 1 + (T - 1) / temporal, H / spatial, W / spatial), of uint8 video."""
        patches = self._patches(video_BCTHW)
        return _nearest(patches.flatten(0, 3), self.patch_KP).view(patches.shape[:4])[:, None].int()

    def decode(self, latent_B1THW: Tensor) -> Tensor:
        """Return uint8 video (B, 3, 1 + (T - 1) * temporal, H * spatial, W * spatial) of the numbers of codes."""
        code_BTHW = latent_B1THW[:, 0].long()
        patches = self.patch_KP[code_BTHW] + self._around(code_BTHW) @ self.restore_FP
        return video_of(patches, temporal=self.temporal, spatial=self.spatial)

    def embed(self, latent_B1THW: Tensor) -> Tensor:
        """Return what codes are near each other by, (B, D, T, H, W)."""
        return self.code_KD[latent_B1THW[:, 0].long()].movedim(-1, 1)

    def likest(self, other: KMeansTokenizer) -> tuple[Tensor, Tensor]:
        """Return, of each code, the numbers of the codes of another tokenizer that are nearest, and weights (K, LIKEST).

        Both have patches of the same size. The weights add up to 1, and are inverse to the squared distances.
        """
        square_KK = torch.cdist(self.patch_KP, other.patch_KP).square()
        nearest = square_KK.topk(min(LIKEST, other.codes), largest=False)
        weight_KN = 1 / nearest.values.clamp_min(1e-6)
        return nearest.indices, weight_KN / weight_KN.sum(1, keepdim=True)

    def _patches(self, video_BCTHW: Tensor) -> Tensor:
        return patches_of(video_BCTHW, temporal=self.temporal, spatial=self.spatial)

    def _around(self, code_BTHW: Tensor) -> Tensor:
        """Return what a patch is restored from (B, T, H, W, F): its code, the eight around it, and its time's neighbours."""
        height, width = code_BTHW.shape[2:]
        own = self.code_KD[code_BTHW]
        wide = pad(own, (0, 0, 1, 1, 1, 1))
        around = [wide[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)]
        before, after = pad(own, (0, 0, 0, 0, 0, 0, 1, 0))[:, :-1], pad(own, (0, 0, 0, 0, 0, 0, 0, 1))[:, 1:]
        return torch.cat([*around, before, after, torch.ones_like(own[..., :1])], -1)

    def _restoring(self, patches: Iterable[Tensor]) -> Tensor:
        """Return the map with the least squared error of what the codes lose, over the patches that were kept."""
        seen_FF, lost_FP, count = torch.zeros(()), torch.zeros(()), 0
        for each in patches:
            code_BTHW = _nearest(each.flatten(0, 3), self.patch_KP).view(each.shape[:4])
            around_NF = self._around(code_BTHW).flatten(0, 3)
            lost_NP = (each - self.patch_KP[code_BTHW]).flatten(0, 3)
            seen_FF = seen_FF + (around_NF.T @ around_NF).double()
            lost_FP = lost_FP + (around_NF.T @ lost_NP).double()
            count += len(around_NF)
        ridge_FF = RIDGE * torch.eye(len(seen_FF)).double()
        restoring_FP: Tensor = torch.linalg.solve(seen_FF / count + ridge_FF, lost_FP / count)
        return restoring_FP.float()

    def save_pretrained(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors`."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {"tokenizer": "kmeans", **{name: getattr(self, name) for name in ("temporal", "spatial", "codes")}}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        save_file({name: value.half() for name, value in self.state_dict().items()}, folder / "model.safetensors")

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read what `save_pretrained` wrote."""
        config = read_json_object(folder / "config.json")
        del config["tokenizer"]
        tokenizer: Self = load_built(lambda: cls(**config), folder / "model.safetensors")
        return tokenizer


def _nearest(patch_NP: Tensor, mean_KP: Tensor) -> Tensor:
    """Return the number of the nearest mean of each patch."""
    half_square_K = mean_KP.square().sum(1) / 2
    return torch.cat([(part @ mean_KP.T - half_square_K).argmax(1) for part in patch_NP.split(16_384)])


def _means(patch_NP: Tensor, count: int, drawn: torch.Generator) -> Tensor:
    """Return the means of Lloyd's algorithm, which start as some of the patches; one that loses all its own starts anew."""
    mean_KP = patch_NP[torch.randperm(len(patch_NP), generator=drawn)[:count]].clone()
    if len(mean_KP) < count:
        mean_KP = mean_KP.repeat(-(-count // len(mean_KP)), 1)[:count]
    for _ in range(ITERATIONS):
        nearest_N = _nearest(patch_NP, mean_KP)
        own_K = torch.bincount(nearest_N, minlength=count)
        sum_KP = torch.zeros_like(mean_KP).index_add_(0, nearest_N, patch_NP)
        anew = torch.randint(len(patch_NP), (count,), generator=drawn)
        mean_KP = torch.where(own_K[:, None] > 0, sum_KP / own_K[:, None].clamp_min(1), patch_NP[anew])
    return mean_KP
