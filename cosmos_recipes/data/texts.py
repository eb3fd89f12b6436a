"""Contexts of captions that a frozen text encoder made, beside the latents of a prepared folder.

Legend: L tokens, D width.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from cosmos_recipes.data.cache import Cache, Wanted, fill
from cosmos_recipes.data.cache.shards import ENTRIES, TENSOR
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import write_json

LIST = "texts.json"
"""Shard and row of each text, by its sha256."""
ATTEMPTS = 3

Encode = Callable[[Sequence[str]], Tensor]


def write_texts(
    folder: Path, texts: Sequence[str], wanted: Wanted, encode: Encode, cache: Cache, progress: Progress
) -> None:
    """Let `folder` hold the contexts of `texts`, those that `wanted` names; `encode` makes what the cache lacks.

    Raises:
        RecipeError: the cache cannot be written to, or loses what is stored (CR583, CR584).
    """

    def make(positions: Sequence[int]) -> Iterator[tuple[list[int], list[Tensor]]]:
        for position in positions:
            yield [position], [encode([texts[position]])[0].cpu()]

    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(ATTEMPTS):
        fill(cache, wanted, make, refused={}, progress=progress, what="encoding the captions")
        places = cache.find(wanted.keys)
        if not len(places.missing) and all(cache.fetch(shard, folder) for shard in _needed(places)):
            break
    else:
        fail(
            "CR583",
            "the cache does not keep what is stored in it",
            place=Place(file=cache.store.url),
            expected="that what was written a moment ago is found again, as it was",
            hint="see whether another process clears it, then run the same command again",
        )
    cache.note_used(_needed(places))
    located = zip(places.shard.tolist(), places.row.tolist(), strict=True)
    listed = [(places.shards[shard], row) for shard, row in located]
    write_json(folder / LIST, dict(zip(map(_name, texts), listed, strict=True)))


def _needed(places: Any) -> list[str]:
    return sorted({places.shards[number] for number in places.shard.tolist()})


class TextContexts:
    """The contexts of a prepared folder, read as they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, tuple[str, int]] = json.loads((folder / LIST).read_text(encoding="utf-8"))

    def of(self, text: str) -> Tensor:
        """Return `context_LD` of a text; raises KeyError for one that was not prepared."""
        shard, row = self._places[_name(text)]
        with safe_open(self.folder / f"{shard}{TENSOR}", framework="pt") as file:
            context_LD: Tensor = file.get_slice(ENTRIES)[row]
        return context_LD


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
