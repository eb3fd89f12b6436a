"""A decoder that predicts something, and clips of tokens for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cosmos_recipes.backbones.autoregressive.network import build_decoder

CODES, BEGIN, WIDTH, CONTEXT = 16, 16, 24, 8
ARCHITECTURE: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "attention_head_dim": 12,
    "intermediate_size": 32,
    "vocabulary": CODES,
    "embedded_tokens": 20,
    "begin_token": BEGIN,
    "text_embed_dim": CONTEXT,
    "qk_norm": True,
    "position": "sincos",
}


def decoder(**changed: Any) -> Any:
    """Return a decoder in which nothing is zero any more, as in a trained one."""
    built = build_decoder({**ARCHITECTURE, **changed}, seed=0)
    generator = torch.Generator().manual_seed(1)
    torch.nn.init.normal_(built.output.weight, std=0.5, generator=generator)
    return built.eval()


def tokens(clips: int, shape: tuple[int, int, int], views: int) -> Tensor:
    """Return tokens of clips (B, L)."""
    count = views * shape[0] * shape[1] * shape[2]
    return torch.randint(CODES, (clips, count), generator=torch.Generator().manual_seed(0))
