"""The figures of an open data set: it is indexed as for a training, and the index thrown away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosmos_recipes.data.describe import Description
    from cosmos_recipes.run.dataset import OpenDataset
    from cosmos_recipes.run.progress import Progress


def describe_dataset(opened: OpenDataset, progress: Progress) -> Description:
    """Return the figures of a data set over its clips, each of which begins where the one before ended.

    Raises:
        RecipeError: no clip is left in a split (CR507).
    """
    from cosmos_recipes.data.describe import describe
    from cosmos_recipes.data.index import ClipIndex, build_index

    # Clips that share one frame have each step between frames once.
    clip = replace(opened.clip, stride=opened.clip.frames - 1)
    with TemporaryDirectory() as folder:
        report = build_index(
            [opened.as_indexed], clip, Path(folder), captions_needed=False, limit=None, progress=progress
        )
        return describe(ClipIndex(Path(folder)), opened.binding.declaration, report)
