"""Small networks in which nothing is zero any more, as in trained ones: what tests of heads and of networks stand on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cosmos_recipes.backbones.autoregressive.network import build_decoder
from cosmos_recipes.backbones.diffusion import build_transformer
from cosmos_recipes.backbones.zoo import backbone

BLOCKS, CODES, BEGIN = 2, 16, 16
DECODER: dict[str, Any] = {
    "hidden_size": 24,
    "num_layers": BLOCKS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "attention_head_dim": 12,
    "intermediate_size": 32,
    "vocabulary": CODES,
    "embedded_tokens": 20,
    "begin_token": BEGIN,
    "text_embed_dim": 8,
    "qk_norm": True,
    "position": "sincos",
}
"""The architecture of the small decoder."""


def transformer_architecture(patch: int = 1) -> dict[str, Any]:
    """Return that of `tiny-diffusion` with two blocks, and so many latent cells on a side of a patch."""
    small = {"num_layers": BLOCKS, "patch_size": (1, patch, patch)}
    return {**backbone("tiny-diffusion").architecture.model_dump(), **small}


def small_transformer(patch: int = 1) -> Any:
    """Return a network of the diffusion family."""
    built = build_transformer(transformer_architecture(patch), seed=0)
    for parameter in built.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return built.eval()


def small_decoder(**changed: Any) -> Any:
    """Return a network of the autoregressive family that predicts something."""
    built = build_decoder({**DECODER, **changed}, seed=0)
    generator = torch.Generator().manual_seed(1)
    nn.init.normal_(built.output.weight, std=0.5, generator=generator)
    return built.eval()


def tokens(clips: int, shape: tuple[int, int, int], views: int) -> Tensor:
    """Return tokens of clips (B, L) of latent frames, rows and columns."""
    count = views * shape[0] * shape[1] * shape[2]
    return torch.randint(CODES, (clips, count), generator=torch.Generator().manual_seed(0))
