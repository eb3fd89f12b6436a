"""Cosmos-Reason1, a Qwen2.5-VL, as Predict2.5 reads captions with it (512 tokens of 28 x 3,584 = 100,352 numbers).

Legend: N texts, L tokens, D width of all layers together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

ROLE = "You are a helpful assistant who will provide prompts to an image generator."
"""What the encoder is told first: Predict2.5 was trained with these words."""


class Reason1Text:
    """The hidden states after every layer, each with mean 0 and deviation 1, side by side.

    Padding is encoded like text, as in diffusers' `Cosmos2_5_PredictBasePipeline`.
    """

    def __init__(self, encoder: Any, tokenizer: Any, *, length: int) -> None:
        self.encoder, self.tokenizer, self.length = encoder.eval(), tokenizer, length

    @classmethod
    def from_folder(cls, folder: Path, *, length: int) -> Self:
        """Return what lies in `text_encoder` and `tokenizer` of a pipeline's folder, in bfloat16."""
        encoder = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            folder / "text_encoder", dtype=torch.bfloat16, local_files_only=True
        )
        return cls(encoder, AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True), length=length)

    @property
    def width(self) -> int:
        """Numbers per token."""
        config = self.encoder.config.get_text_config()
        width: int = config.num_hidden_layers * config.hidden_size
        return width

    def to(self, device: str) -> Self:
        """Move to a device."""
        self.encoder.to(device)
        return self

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return contexts (N, L, D); what is longer than L tokens, the role included, is cut off."""
        tokens_NL = torch.tensor([self._tokens(text) for text in texts], device=self.encoder.device)
        layers = self.encoder(tokens_NL, output_hidden_states=True).hidden_states[1:]
        return torch.cat([_normalised(layer_NLD) for layer_NLD in layers], dim=-1)

    def _tokens(self, text: str) -> list[int]:
        said = [("system", ROLE), ("user", text)]
        tokens = self.tokenizer.apply_chat_template(
            [{"role": role, "content": [{"type": "text", "text": words}]} for role, words in said],
            tokenize=True,
            add_generation_prompt=False,
            add_vision_id=False,
            max_length=self.length,
            truncation=True,
            padding="max_length",
        )
        listed: list[int] = tokens if isinstance(tokens, list) else tokens["input_ids"]
        return listed


def _normalised(layer_NLD: Tensor) -> Tensor:
    deviation_NL1, mean_NL1 = torch.std_mean(layer_NLD, dim=-1, keepdim=True)
    return (layer_NLD - mean_NL1) / (deviation_NL1 + 1e-8)
