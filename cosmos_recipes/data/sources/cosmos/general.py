"""Predict1 and Predict2, general: videos/*.mp4 and metas/*.txt of the same names."""

from __future__ import annotations

from pathlib import Path

from cosmos_recipes.data.sources.cosmos.places import VIDEOS, has
from cosmos_recipes.data.sources.cosmos.told import told_readers
from cosmos_recipes.data.sources.listed import Reader
from cosmos_recipes.data.sources.values import read_text

METAS = "metas"


def fits(path: Path) -> bool:
    """Return whether `videos` and `metas` are there."""
    return has(path, VIDEOS, METAS)


def readers(path: Path) -> list[Reader]:
    """Return what reads each video with its text, and each text, so that one without a video is missed."""
    return told_readers(path, _texts, lambda text: {"caption": read_text(text).strip()})


def _texts(root: Path) -> dict[str, Path]:
    metas = root / METAS
    return {text.relative_to(metas).with_suffix("").as_posix(): text for text in metas.rglob("*.txt")}
