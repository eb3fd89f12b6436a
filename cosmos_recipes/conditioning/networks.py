"""The trainable parts of the conditioning heads. Legend: B batch, L text length, D width of the context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Control = dict[str, Tensor]


class NullContext(nn.Module):
    """No control: the cross-attention sees one zero token, as Cosmos' Video2World does without a caption."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("zero", torch.zeros(1, 1, width), persistent=False)

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return the control of rows: none, once per row."""
        return self.null(len(rows))

    def null(self, batch: int) -> Control:
        """Return no control for a batch."""
        return {"none_B": torch.zeros(batch)}

    def forward(self, control: Control) -> dict[str, Tensor]:
        """Return the transformer's extra arguments: `encoder_hidden_states` (B, 1, D)."""
        zero: Any = self.zero
        return {"encoder_hidden_states": zero.expand(len(control["none_B"]), -1, -1)}


class PreparedText(nn.Module):
    """Captions that a frozen encoder read when the data was prepared; nothing here trains.

    No text is a context of zeros, which is what NVIDIA's trainings drop captions to.
    """

    def __init__(self, *, length: int, width: int) -> None:
        super().__init__()
        self.length, self.width = length, width

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return `text_BLD` (bfloat16) of rows that have the `context_LD` of their `caption`, if that is not empty."""
        none_LD = self.null(1)["text_BLD"][0]
        return {"text_BLD": torch.stack([row["context_LD"] if row["caption"] else none_LD for row in rows])}

    def null(self, batch: int) -> Control:
        """Return no text for a batch."""
        return {"text_BLD": torch.zeros(batch, self.length, self.width, dtype=torch.bfloat16)}

    def forward(self, control: Control) -> dict[str, Tensor]:
        """Return the transformer's extra arguments: `encoder_hidden_states` (B, L, D)."""
        return {"encoder_hidden_states": control["text_BLD"].float()}


class ByteText(nn.Module):
    """A small trainable text encoder over UTF-8 bytes: embeddings, then convolutions that can spell a word.

    Its output starts at zero, so that at step 0 the model equals one without captions. Bytes past `length` are cut;
    shorter captions are padded with zero bytes, which come out as zeros: an empty caption, the null control, is what
    `NullContext` gives.
    """

    def __init__(self, *, length: int, width: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.length = length
        self.bytes = nn.Embedding(256, hidden)
        self.position_LD = nn.Parameter(0.02 * torch.randn(length, hidden))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(3))
        self.convolutions = nn.ModuleList(nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2) for _ in range(2))
        self.project = nn.Linear(hidden, width, bias=False)
        nn.init.normal_(self.bytes.weight, std=0.5)
        nn.init.zeros_(self.project.weight)

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return `text_BL` (uint8) of rows that have a `caption`."""
        text_BL = torch.zeros(len(rows), self.length, dtype=torch.uint8)
        for index, row in enumerate(rows):
            encoded = row["caption"].encode()[: self.length]
            text_BL[index, : len(encoded)] = torch.frombuffer(bytearray(encoded), dtype=torch.uint8) if encoded else 0
        return {"text_BL": text_BL}

    def null(self, batch: int) -> Control:
        """Return empty captions for a batch."""
        return {"text_BL": torch.zeros(batch, self.length, dtype=torch.uint8)}

    def forward(self, control: Control) -> dict[str, Tensor]:
        """Return the transformer's extra arguments: `encoder_hidden_states` (B, L, D)."""
        text_BL = control["text_BL"]
        hidden_BLD = self.bytes(text_BL.int()) + self.position_LD
        for norm, convolution in zip(self.norms, self.convolutions, strict=False):
            hidden_BLD = hidden_BLD + nn.functional.gelu(convolution(norm(hidden_BLD).mT)).mT
        context_BLD = self.project(self.norms[-1](hidden_BLD))
        return {"encoder_hidden_states": context_BLD * (text_BL != 0)[..., None]}
