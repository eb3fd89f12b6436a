"""The index: a row per recording, per view and per clip, as memory-mapped Arrow, and a report of what was left out and why."""

from cosmos_recipes.data.index.build import IndexedSet, IndexReport, build_index, require_all
from cosmos_recipes.data.index.read import ClipIndex
from cosmos_recipes.data.index.small import SmallVideos
from cosmos_recipes.data.index.windows import ClipSpec, clip_windows

__all__ = [
    "ClipIndex",
    "ClipSpec",
    "IndexReport",
    "IndexedSet",
    "SmallVideos",
    "build_index",
    "clip_windows",
    "require_all",
]
