"""Which drawing a column gets: by what its contract says of it, so that columns of contributed schemas get one too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cosmos_recipes.data.contract import Column
from cosmos_recipes.data.preview import cameras, numbers, trajectory
from cosmos_recipes.data.preview.timeline import Overlay, Timeline

if TYPE_CHECKING:
    from cosmos_recipes.data.preview.clips import PreviewClip

Draw = Callable[["PreviewClip", str, Timeline], Overlay]

OVERLAYS: dict[str, Draw] = {
    "world-to-camera": cameras.overlay,
    "intrinsics": cameras.intrinsics_overlay,
    "future-points": trajectory.overlay,
}
"""By convention; columns without one are plain numbers."""


def draw(clip: PreviewClip, name: str, timeline: Timeline) -> Overlay:
    """Return what is drawn of a column."""
    return drawing_of(clip.column(name))(clip, name, timeline)


def drawing_of(column: Column) -> Draw:
    """Return what draws a column."""
    return OVERLAYS.get(column.convention or "", numbers.overlay)
