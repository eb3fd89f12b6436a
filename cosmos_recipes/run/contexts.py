"""Captions become contexts when data is prepared: a frozen text encoder reads each of them once, and training never loads it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.backbones.text import PARTS, load_text_encoder
from cosmos_recipes.backbones.weights import Weights, is_checkpoint
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

    from cosmos_recipes.backbones.zoo import TextEntry
    from cosmos_recipes.compiler.plan import Plan
    from cosmos_recipes.data.cache import Cache
    from cosmos_recipes.data.index import ClipIndex
    from cosmos_recipes.run.progress import Progress


T5_HUB_ID = "nvidia/Cosmos-1.0-Diffusion-7B-Text2World"
"""A pipeline with the T5 that the autoregressive models read captions with, too."""


def start_of(plan: Plan) -> Weights | None:
    """Return where the tokenizers of a plan are from: the weights to start from, or else the backbone's own."""
    backbone = plan.backbone
    return Weights(label=backbone.weights) if backbone.weights is not None else _on_hub(plan)


def device() -> str:
    """Return where autoencoders and text encoders work."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def write_contexts(plan: Plan, folder: Path, index: ClipIndex, cache: Cache, progress: Progress) -> None:
    """Put the contexts of all captions of a prepared folder into its `text`.

    Raises:
        RecipeError: the encoder cannot be had or loaded (CR623 to CR625), or the cache not written to (CR58x).
    """
    from cosmos_recipes.data.cache import text_wanted
    from cosmos_recipes.data.texts import write_texts

    texts = sorted(set(index.recordings["caption"].to_pylist()) - {""})
    if not texts:
        return
    reader = Reader(plan.backbone.text, text_source(plan))
    said = plan.backbone.text
    wanted = text_wanted(
        texts, encoder=said.encoder, revision=reader.revision, length=said.length, precision="bfloat16"
    )
    write_texts(folder / "text", texts, wanted, reader.encode, cache, progress)


def text_source(plan: Plan) -> Weights:
    """Return the pipeline that a plan's text encoder is from: a model of ours keeps none, so its backbone's on the Hub.

    NVIDIA publishes its checkpoints without one; another pipeline has what they were trained with.

    Raises:
        RecipeError: there is none (CR624).
    """
    start = start_of(plan)
    source = start if start and start.is_pipeline else _on_hub(plan)
    if source is not None and source.is_checkpoint and not source.holds(PARTS[0]):
        return Weights.of_hub(T5_HUB_ID, "main")
    if source is None:
        fail(
            "CR624",
            f"nothing says where the text encoder {plan.backbone.text.encoder} is",
            expected="weights to start from with text_encoder/ and tokenizer/, or a backbone of the Hub",
            hint="use a head without captions, or start from the folder of a whole pipeline",
        )
    return source


def _on_hub(plan: Plan) -> Weights | None:
    backbone = plan.backbone
    if backbone.hub_id is None:
        return None
    return Weights.of_hub(backbone.hub_id, backbone.revision or "main", checkpoint=is_checkpoint(backbone.family))


class Reader:
    """A text encoder that is loaded when the first text is to be read."""

    def __init__(self, entry: TextEntry, source: Weights) -> None:
        self.entry, self.source = entry, source

    @cached_property
    def _folder(self) -> Path:
        return self.source.fetched(*PARTS)

    @cached_property
    def revision(self) -> str:
        """What the encoder is: the hash of its files and their names."""
        files = [path for part in PARTS for path in sorted((self._folder / part).rglob("*")) if path.is_file()]
        return sha256_of(self._folder, files)

    @cached_property
    def _encoder(self) -> Any:
        return load_text_encoder(self.entry, self._folder).to(device())

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return contexts (N, length, width) in bfloat16."""
        contexts: Tensor = self._encoder.encode(texts)
        return contexts
