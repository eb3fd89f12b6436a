"""The video autoencoders of NVIDIA's diffusion models: diffusers' classes, with the scale that the networks expect.

They come trained and stay as they are, so nothing is fitted to the data.
Legend: B batch, C channels, T frames, H height, W width.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from diffusers import AutoencoderKLCosmos, AutoencoderKLWan
from safetensors.torch import save_file
from torch import Tensor, nn

from cosmos_recipes.backbones.stored import load_built, load_stored
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.recipe.json_object import read_json_object


class AutoencoderTokenizer(nn.Module):
    """Latents are an autoencoder's, less their mean and divided by their deviation.

    Frame 0 is a latent frame of its own: 1 + k * temporal frames become 1 + k latent frames. A clip's latents are the mode
    of what the encoder says, never a sample of it: latents are kept under what made them, and must come out the same
    again. Clips are encoded and decoded one after the other, in float32, on the device that the module is on.
    """

    name: ClassVar[str]
    autoencoder_class: ClassVar[Any]
    sizes: ClassVar[tuple[str, str, str]]
    """What the class's configuration calls the frames, the pixels on a side and the channels of a latent cell."""

    def __init__(self, *, temporal: int, spatial: int, channels: int, autoencoder: Any = None) -> None:
        super().__init__()
        self.temporal, self.spatial, self.channels = temporal, spatial, channels
        self.autoencoder = autoencoder or self.autoencoder_class()
        self.autoencoder.enable_slicing()

    @classmethod
    def from_autoencoder(cls, folder: Path, **settings: Any) -> Self:
        """Return the tokenizer of the autoencoder that diffusers stored in `folder`, which must be as `settings` say.

        Raises:
            RecipeError: the files are damaged or do not fit (CR620, CR621), or it is one of another size (CR622).
        """
        tokenizer = cls(**settings, autoencoder=load_stored(cls.autoencoder_class, folder))
        said = (tokenizer.temporal, tokenizer.spatial, tokenizer.channels)
        found = tuple(tokenizer.autoencoder.config[name] for name in cls.sizes)
        if said != found:
            fail(
                "CR622",
                f"the video tokenizer is no {cls.name}",
                place=Place(file=str(folder)),
                expected="{} frames, {} pixels, {} channels".format(*said),
                found="{} frames, {} pixels, {} channels".format(*found),
                hint="use the folder of a model with that tokenizer",
            )
        return tokenizer

    @torch.no_grad()
    def encode(self, video_BCTHW: Tensor) -> Tensor:
        """Return float32 latents (B, channels, 1 + (T - 1) / temporal, H / spatial, W / spatial) of uint8 video."""
        pixels_BCTHW = video_BCTHW.to(self._device).float() / 127.5 - 1
        latents_BCTHW: Tensor = self.autoencoder.encode(pixels_BCTHW).latent_dist.mode()
        mean, deviation = self._scale(latents_BCTHW)
        return (latents_BCTHW - mean) / deviation

    @torch.no_grad()
    def decode(self, latent_BCTHW: Tensor) -> Tensor:
        """Return uint8 video (B, 3, 1 + (T - 1) * temporal, H * spatial, W * spatial) of latents."""
        latent_BCTHW = latent_BCTHW.to(self._device).float()
        mean, deviation = self._scale(latent_BCTHW)
        video: Tensor = self.autoencoder.decode(latent_BCTHW * deviation + mean).sample
        return ((video + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)

    @property
    def _device(self) -> torch.device:
        device: torch.device = self.autoencoder.device
        return device

    def _scale(self, latent_BCTHW: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and deviation (1, C, 1 or T, 1, 1); those of the Cosmos tokenizer differ from frame to frame."""
        config, frames = self.autoencoder.config, latent_BCTHW.shape[2]
        if config.latents_mean is None:
            return torch.zeros_like(latent_BCTHW[:1, :1, :1, :1, :1]), torch.ones_like(latent_BCTHW[:1, :1, :1, :1, :1])
        both = (
            torch.tensor(values).view(1, self.channels, -1, 1, 1)
            for values in (config.latents_mean, config.latents_std)
        )
        mean, deviation = (values[:, :, :frames].to(latent_BCTHW) for values in both)
        return mean, deviation

    def save_pretrained(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors`, the weights under the names that diffusers gives them."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = {name: getattr(self, name) for name in ("temporal", "spatial", "channels")}
        autoencoder = {name: value for name, value in self.autoencoder.config.items() if not name.startswith("_")}
        config = {"tokenizer": self.name, **settings, **self._more, "autoencoder": autoencoder}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        save_file(self.autoencoder.state_dict(), folder / "model.safetensors")

    @property
    def _more(self) -> dict[str, Any]:
        """Settings besides the sizes and the scale."""
        return {}

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read what `save_pretrained` wrote."""
        config = read_json_object(folder / "config.json")
        del config["tokenizer"]
        settings = config.pop("autoencoder")
        autoencoder = load_built(lambda: cls.autoencoder_class.from_config(settings), folder / "model.safetensors")
        return cls(**config, autoencoder=autoencoder.eval())


class CosmosTokenizer(AutoencoderTokenizer):
    """The continuous tokenizer of Predict1, CV8x8x8, scaled as in diffusers' `CosmosVideoToWorldPipeline`."""

    name = "cosmos-cv8x8x8"
    autoencoder_class = AutoencoderKLCosmos
    sizes = ("temporal_compression_ratio", "spatial_compression_ratio", "latent_channels")


class WanTokenizer(AutoencoderTokenizer):
    """The tokenizer of Predict2 and Predict2.5, that of Wan2.1, scaled as in diffusers' pipelines of both.

    `tiling` encodes and decodes large pictures in overlapping tiles: less memory, and other latents near the seams.
    """

    name = "wan2.1"
    autoencoder_class = AutoencoderKLWan
    sizes = ("scale_factor_temporal", "scale_factor_spatial", "z_dim")

    def __init__(self, *, tiling: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.tiling = tiling
        if tiling:
            self.autoencoder.enable_tiling()

    @property
    def _more(self) -> dict[str, Any]:
        return {"tiling": self.tiling}
