"""The network of a family: built, or loaded from the folder in which it was stored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.backbones.zoo import Family
from cosmos_recipes.recipe.json_object import read_json_object


def build_network(family: Family, architecture: dict[str, Any], *, seed: int) -> Any:
    """Return a freshly initialised network; `architecture` holds the constructor arguments of its class."""
    if family == "autoregressive":
        from cosmos_recipes.backbones.autoregressive.network import build_decoder

        return build_decoder(architecture, seed=seed)
    from cosmos_recipes.backbones.diffusion import build_transformer

    return build_transformer(architecture, seed=seed)


def load_transformer(folder: Path, architecture: Mapping[str, Any] | None = None) -> Any:
    """Return the network that is stored in `folder` (config.json and safetensors), in float32.

    Where there is a checkpoint of NVIDIA's beside that place instead, it is that of a decoder with this `architecture`.

    Raises:
        RecipeError: the files are damaged, or hold other weights than the network has (CR620, CR621).
    """
    if architecture is not None and Weights(label=str(folder.parent)).is_checkpoint:
        from cosmos_recipes.backbones.autoregressive.nvidia import load_decoder

        return load_decoder(folder.parent, architecture)
    from cosmos_recipes.backbones.autoregressive.network import Decoder
    from cosmos_recipes.backbones.diffusion import load_transformer as load_diffusion
    from cosmos_recipes.backbones.stored import load_stored

    config = folder / "config.json"
    name = read_json_object(config).get("_class_name") if config.is_file() else None
    return load_stored(Decoder, folder) if name == Decoder.__name__ else load_diffusion(str(folder))
