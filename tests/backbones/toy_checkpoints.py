"""What NVIDIA publishes of its autoregressive models, in the same layout and with the same keys, but small.

The video tokenizer is a program of the same signature: a patch of one colour becomes a code, and a code a patch.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

COUNTS = (1, 8, 64, 512, 2560, 12800)
"""What a step of each digit of a number counts."""
ATTENTION = ("attention", "cross_attention")


class Fsq(nn.Module):
    """The quantiser of DV8x16x16, with what is on both sides of it: a colour as a coarse digit of 8 and a fine one of 5."""

    def __init__(self, counts: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor([8, 8, 8, 5, 5, 5]))
        self.register_buffer("basis", torch.tensor(counts))
        self.weight = nn.Parameter(torch.ones(1))

    def number(self, colour_BCTHW: Tensor) -> tuple[Tensor, Tensor]:
        step = ((colour_BCTHW.float() + 1) * 19.5).round().clamp(0, 39).long()
        digits = torch.cat([step // 5, step % 5], 1)
        half = (self.levels // 2).view(1, 6, 1, 1, 1)
        return (digits * self.basis.view(1, 6, 1, 1, 1)).sum(1).int(), ((digits - half) / half).to(colour_BCTHW.dtype)

    def colour(self, number_BTHW: Tensor) -> Tensor:
        digits = number_BTHW[:, None] // self.basis.view(1, 6, 1, 1, 1) % self.levels.view(1, 6, 1, 1, 1)
        return ((digits[:, :3] * 5 + digits[:, 3:]) / 19.5 - 1).to(self.weight.dtype)


class ToyEncoder(Fsq):
    def __init__(self, counts: Sequence[int], temporal: int, spatial: int) -> None:
        super().__init__(counts)
        self.temporal, self.spatial = temporal, spatial

    def forward(self, video_BCTHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        first = video_BCTHW[:, :, :1].repeat(1, 1, self.temporal, 1, 1)
        patches = torch.cat([first, video_BCTHW[:, :, 1:]], 2)
        cells = patches.unflatten(4, [-1, self.spatial]).unflatten(3, [-1, self.spatial])
        colour = cells.unflatten(2, [-1, self.temporal]).mean([3, 5, 7])
        number, codes = self.number(colour * self.weight)
        return number, codes, codes.mean() * 0


class ToyDecoder(Fsq):
    def __init__(self, counts: Sequence[int], temporal: int, spatial: int) -> None:
        super().__init__(counts)
        self.temporal, self.spatial = temporal, spatial

    def forward(self, number_BTHW: Tensor) -> Tensor:
        frames = self.colour(number_BTHW).repeat_interleave(self.temporal, 2)
        video = frames.repeat_interleave(self.spatial, 3).repeat_interleave(self.spatial, 4)
        return video[:, :, self.temporal - 1 :] * self.weight


def store_programs(folder: Path, *, temporal: int = 8, spatial: int = 16, counts: Sequence[int] = COUNTS) -> Path:
    """Write encoder.jit and decoder.jit."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for name, program in (("encoder", ToyEncoder), ("decoder", ToyDecoder)):
            torch.jit.script(program(counts, temporal, spatial)).save(folder / f"{name}.jit")
    return folder


def checkpoint(architecture: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return random tensors under the keys, in the shapes and in the precision of NVIDIA's `model.pt`."""
    sizes, state = architecture, {}
    width, head, context = sizes["hidden_size"], sizes["attention_head_dim"], sizes["text_embed_dim"]
    random = torch.Generator().manual_seed(0)
    queries, keys = (sizes[f"num_{name}_heads"] * head for name in ("attention", "key_value"))

    def add(name: str, *shape: int) -> None:
        scale = 1.0 if len(shape) == 1 else shape[-1] ** -0.5
        state[f"model.{name}.weight"] = (torch.randn(shape, generator=random) * scale + (len(shape) == 1)).bfloat16()

    add("tok_embeddings", sizes["embedded_tokens"], width)
    for number in range(sizes["num_layers"]):
        for name in ATTENTION[: 1 if context is None else 2]:
            read = width if name == "attention" else context
            for part, shape in (
                ("wq", (queries, width)),
                ("wk", (keys, read)),
                ("wv", (keys, read)),
                ("wo", (width, queries)),
            ):
                add(f"layers.{number}.{name}.{part}", *shape)
            for part in ("q_norm", "k_norm"):
                add(f"layers.{number}.{name}.{part}", head)
            add(f"layers.{number}.{name}_norm", width)
        for part, shape in (
            ("w1", (sizes["intermediate_size"], width)),
            ("w2", (width, sizes["intermediate_size"])),
            ("w3", (sizes["intermediate_size"], width)),
        ):
            add(f"layers.{number}.feed_forward.{part}", *shape)
        add(f"layers.{number}.ffn_norm", width)
    add("norm", width)
    add("output", sizes["vocabulary"], width)
    return state
