"""Predict2.5, general: videos/*.mp4 and captions/*.json of the same names, each with captions of several lengths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cosmos_recipes.data.sources.cosmos.places import VIDEOS, has, roots
from cosmos_recipes.data.sources.cosmos.told import told_readers
from cosmos_recipes.data.sources.listed import Reader
from cosmos_recipes.data.sources.values import fail_annotation, read_object
from cosmos_recipes.diagnostics import Place

CAPTIONS = "captions"


def fits(path: Path) -> bool:
    """Return whether `videos` is there, and `captions` with a .json in it."""
    return has(path, VIDEOS, CAPTIONS) and any(
        next((root / CAPTIONS).glob("*.json"), None) for _, _, root in roots(path)
    )


def readers(path: Path) -> list[Reader]:
    """Return what reads each video with its captions, and each file of captions, so that one without a video is missed."""
    return told_readers(path, lambda root: {text.stem: text for text in (root / CAPTIONS).glob("*.json")}, _captions)


def _captions(file: Path) -> Mapping[str, str]:
    """Return the captions of the first model that wrote some: `caption` is its first, `caption.LENGTH` each."""
    told = read_object(file)
    of_model: Any = next(iter(told.values()), None)
    texts = of_model.items() if isinstance(of_model, dict) else ()
    captions = {f"caption.{length}": said.strip() for length, said in texts if isinstance(said, str)}
    if not captions:
        expected = '{"model": {"long": "...", "short": "..."}}'
        fail_annotation(f"{file.name} holds no captions", Place(file=str(file)), expected=expected)
    return {"caption": next(iter(captions.values())), **captions}
