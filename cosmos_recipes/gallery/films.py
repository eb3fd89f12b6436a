"""Short films of a recipe's data, as the model sees it: the clip, what tells the model what happens, the given frames framed.

Legend: T frames of the clip, H height, W width, C colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.diagnostics import RecipeError

if TYPE_CHECKING:
    from PIL import Image

    from cosmos_recipes.data.dataset import BoundDataset
    from cosmos_recipes.data.preview.canvas import Canvas
    from cosmos_recipes.data.preview.clips import PreviewClip
    from cosmos_recipes.data.preview.timeline import Mark, Timeline
    from cosmos_recipes.gallery.entries import Entry
    from cosmos_recipes.run.progress import Progress

MOST_FILMS = 2
_WORLD_EPISODES, _WORLD_HELD_OUT = 4, 1
"""Recordings that a procedural world writes for this: of those that it would write, the first."""
_ONE_VIEW_PX, _OF_SEVERAL_PX = 576, 316
_MARGIN_PX, _LABEL_PX = 12, 16
_LANE_CELL_PX = 20
_BORDER_PX = 6
_GAP_PX = 8
_GIVEN = "#d98200"


@dataclass(frozen=True, kw_only=True)
class Film:
    """A clip that was written: its files, its size in pixels, and what is said of it."""

    video: Path
    poster: Path
    width: int
    height: int
    caption: str
    shows: str


def write_films(entry: Entry, folder: Path, *, runs: Path, progress: Progress) -> list[Film] | str:
    """Write films of a recipe's data; returns them, or a sentence that says why there is none."""
    try:
        clips = list(_clips(entry, runs, progress))
    except RecipeError as error:
        return error.problems[0].message
    if not clips:
        return "its data lies on the Hub, which is not asked"
    return [_write(clip, entry, folder / f"{entry.name}-{number}") for number, clip in enumerate(clips)]


def _clips(entry: Entry, runs: Path, progress: Progress) -> Iterator[PreviewClip]:
    from cosmos_recipes.data.dataset import load_mixture
    from cosmos_recipes.data.preview.clips import choose_clips
    from cosmos_recipes.run.dataset import OpenDataset

    said, key = entry.loaded.recipe.dataset, "dataset.use"
    mixture = load_mixture(said.use, relative_to=entry.loaded.folders_of(key), place=entry.loaded.place_of(key))
    window = {"frames": said.clip.frames, "rate_hz": said.clip.rate, "size": said.clip.size}
    sets = [own for own, _ in mixture.sets if own.kind != "hub"][:MOST_FILMS]
    for own in sets:
        opened = OpenDataset.of(_shortened(own), root=runs, progress=progress, stride=said.clip.stride, **window)
        count = MOST_FILMS // len(sets)
        chosen = choose_clips(opened.recordings, opened.binding, opened.clip, count=count, seed=0, progress=progress)
        yield from chosen.clips


def _shortened(dataset: BoundDataset) -> BoundDataset:
    """Return a data set of which a procedural world writes a few recordings only."""
    if dataset.kind != "world":
        return dataset
    few = {"episodes": _WORLD_EPISODES, "held_out": _WORLD_HELD_OUT}
    return replace(dataset, source=dataset.source.model_copy(update=few))


def _write(clip: PreviewClip, entry: Entry, name: Path) -> Film:
    import torch

    from cosmos_recipes.evaluation.video import write_mp4

    recipe = entry.loaded.recipe
    frames = film_frames(clip, entry.controls, given_frames=recipe.conditioning.given_frames)
    name.parent.mkdir(parents=True, exist_ok=True)
    video, poster = name.with_suffix(".mp4"), name.with_suffix(".jpg")
    video_CTHW = torch.from_numpy(np.stack([np.asarray(frame) for frame in frames])).permute(3, 0, 1, 2)
    write_mp4(video, video_CTHW, recipe.dataset.clip.rate)
    frames[len(frames) // 2].save(poster, quality=85)
    return Film(
        video=video,
        poster=poster,
        width=frames[0].width,
        height=frames[0].height,
        caption=" ".join(clip.texts.values()),
        shows=_shows(clip, entry),
    )


def _shows(clip: PreviewClip, entry: Entry) -> str:
    drawn = [name for name in entry.controls if name in clip.columns]
    control = f", with {' and '.join(drawn)} drawn" if drawn else ""
    return f"{len(clip.views)} views of {clip.title}{control}" if len(clip.views) > 1 else f"{clip.title}{control}"


def film_frames(clip: PreviewClip, controls: Sequence[str], *, given_frames: int) -> list[Image.Image]:
    """Return the pictures of a film, even in size: all views with their marks, and lanes of numbers with a line at now."""
    from cosmos_recipes.data.preview.numbers import overlay as numbers_overlay
    from cosmos_recipes.data.preview.overlays import draw, drawing_of
    from cosmos_recipes.data.preview.sheet import stacked
    from cosmos_recipes.data.preview.timeline import Timeline

    timeline = Timeline(shown=tuple(range(clip.frames)), cell=(_LANE_CELL_PX, _LANE_CELL_PX))
    overlays = {name: draw(clip, name, timeline) for name in controls if name in clip.columns}
    marks = [mark for overlay in overlays.values() for mark in overlay.marks]
    lanes = [
        panel
        for name, overlay in overlays.items()
        if drawing_of(clip.column(name)) is numbers_overlay
        for panel in overlay.panels
    ]
    below = stacked(lanes) if lanes else None
    return [_frame(clip, frame, marks, below, timeline, frame < given_frames) for frame in range(clip.frames)]


def _frame(
    clip: PreviewClip, frame: int, marks: Sequence[Mark], below: Image.Image | None, timeline: Timeline, given: bool
) -> Image.Image:
    from PIL import Image, ImageDraw

    from cosmos_recipes.data.preview.canvas import PAPER

    views = _grid([_picture(clip, view, frame, marks, given) for view in range(len(clip.views))])
    if below is None:
        return views
    width = max(views.width, below.width + 2 * _MARGIN_PX)
    page = Image.new("RGB", (_even(width), _even(views.height + _GAP_PX + below.height)), PAPER)
    page.paste(views, ((width - views.width) // 2, 0))
    page.paste(below, (_MARGIN_PX, views.height + _GAP_PX))
    x = _MARGIN_PX + round(timeline.x(frame))
    ImageDraw.Draw(page).line([(x, views.height + _GAP_PX), (x, page.height)], fill=_GIVEN, width=2)
    return page


def _grid(pictures: Sequence[Image.Image]) -> Image.Image:
    """Return pictures of one size, two beside each other where there are several."""
    from PIL import Image

    from cosmos_recipes.data.preview.canvas import PAPER

    width, height = pictures[0].size
    across = 1 if len(pictures) == 1 else 2
    down = -(-len(pictures) // across)
    size = (across * (width + _GAP_PX) - _GAP_PX, down * (height + _GAP_PX) - _GAP_PX)
    page = Image.new("RGB", (_even(size[0]), _even(size[1])), PAPER)
    for number, picture in enumerate(pictures):
        page.paste(picture, (number % across * (width + _GAP_PX), number // across * (height + _GAP_PX)))
    return page


def _picture(clip: PreviewClip, view: int, frame: int, marks: Sequence[Mark], given: bool) -> Image.Image:
    from cosmos_recipes.data.preview.canvas import Canvas, cell_of, picture
    from cosmos_recipes.data.preview.timeline import marked

    height, width = clip.video_VTHWC.shape[2:4]
    longer_px = _ONE_VIEW_PX if len(clip.views) == 1 else _OF_SEVERAL_PX
    own = [mark for mark in marks if (mark.view, mark.frame) == (view, frame)]
    shown = marked(picture(clip.video_VTHWC[view, frame], cell_of(height, width, longer_px=longer_px)), own)
    canvas = Canvas(shown.width, shown.height, on=shown)
    if len(clip.views) > 1:
        _label(canvas, clip.views[view])
    if given:
        for edge in range(_BORDER_PX):
            canvas.box(edge, edge, shown.width - 1 - edge, shown.height - 1 - edge, None, _GIVEN)
    return canvas.image()


def _label(canvas: Canvas, text: str) -> None:
    from cosmos_recipes.data.preview.canvas import PAPER, font

    left = top = _BORDER_PX + 4
    width = font(_LABEL_PX).getlength(text)
    canvas.box(left, top, left + width + 10, top + _LABEL_PX + 7, PAPER)
    canvas.text((left + 5, top + 2), text, size=_LABEL_PX)


def _even(side: int) -> int:
    return side + side % 2
