"""What the layouts have in common: a folder, or one folder for each split, with `videos` in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cosmos_recipes.data.recording import Split
from cosmos_recipes.data.sources.splits import split_said

VIDEOS = "videos"


def roots(path: Path) -> Iterator[tuple[str, Split | None, Path]]:
    """Yield what the names of its recordings begin with, the split and the folder of each that has `videos` in it."""
    if (path / VIDEOS).is_dir():
        yield "", None, path
        return
    for folder in sorted(path.glob(f"*/{VIDEOS}")):
        split = split_said(folder.parent.name)
        if split:
            yield f"{folder.parent.name}/", split, folder.parent


def has(path: Path, *folders: str) -> bool:
    """Return whether the folders of a layout are all there, in each of its splits."""
    found = [root for _, _, root in roots(path)]
    return bool(found) and all((root / folder).is_dir() for root in found for folder in folders)
