"""The encoder of T5, as Predict1 and Predict2 read captions with it (T5-11B, 512 tokens of 1,024 numbers).

Legend: N texts, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from transformers import AutoTokenizer, T5EncoderModel


class T5Text:
    """The last hidden state of each token; zeros where there is none, as diffusers' pipelines have it."""

    def __init__(self, encoder: Any, tokenizer: Any, *, length: int) -> None:
        self.encoder, self.tokenizer, self.length = encoder.eval(), tokenizer, length

    @classmethod
    def from_folder(cls, folder: Path, *, length: int) -> Self:
        """Return what lies in `text_encoder` and `tokenizer` of a pipeline's folder, in bfloat16."""
        encoder = T5EncoderModel.from_pretrained(folder / "text_encoder", dtype=torch.bfloat16, local_files_only=True)
        return cls(encoder, AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True), length=length)

    @property
    def width(self) -> int:
        """Numbers per token."""
        width: int = self.encoder.config.d_model
        return width

    def to(self, device: str) -> Self:
        """Move to a device."""
        self.encoder.to(device)
        return self

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return contexts (N, L, D); what is longer than L tokens is cut off."""
        tokens = self.tokenizer(
            list(texts), padding="max_length", max_length=self.length, truncation=True, return_tensors="pt"
        ).to(self.encoder.device)
        mask_NL = tokens.attention_mask.bool()
        context_NLD: Tensor = self.encoder(tokens.input_ids, attention_mask=mask_NL).last_hidden_state
        return context_NLD.masked_fill(~mask_NL[..., None], 0)
