"""Splits that a source says by the names of its folders or files."""

from __future__ import annotations

import re

from cosmos_recipes.data.recording import Split

HELD_OUT_NAMES = frozenset(("held-out", "held_out", "heldout", "val", "valid", "validation", "test"))
_WORDS = re.compile(rf"(?<![a-z])(?:(train|training)|({'|'.join(sorted(HELD_OUT_NAMES))}))(?![a-z])")


def split_said(name: str) -> Split | None:
    """Return the split that the first word of a name says that says one: `train-000.tar`, `videos/val/a.mp4`."""
    said = _WORDS.search(name.lower())
    if said is None:
        return None
    return "train" if said[1] else "held-out"
