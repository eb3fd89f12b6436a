"""Previews of a data set: a contact sheet and a page of clips as a model will see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cosmos_recipes.files import whole
from cosmos_recipes.run.dataset import OpenDataset

if TYPE_CHECKING:
    from cosmos_recipes.diagnostics import Problem
    from cosmos_recipes.run.progress import Progress

SHEET, PAGE = "preview.png", "preview.html"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The files, how many clips they show, and why recordings that were tried gave none."""

    sheet: Path
    page: Path
    clips: int
    problems: tuple[Problem, ...]


def write_preview(opened: OpenDataset, folder: Path, *, count: int, seed: int, progress: Progress) -> Preview:
    """Write the contact sheet and the page of some clips, chosen at random, into a folder.

    Raises:
        RecipeError: not one recording gives a clip (CR575).
    """
    from cosmos_recipes.data.preview.clips import choose_clips
    from cosmos_recipes.data.preview.figures import figures
    from cosmos_recipes.data.preview.page import render_page
    from cosmos_recipes.data.preview.sheet import clip_block, contact_sheet
    from cosmos_recipes.data.statistics import Normaliser

    chosen = choose_clips(opened.recordings, opened.binding, opened.clip, count=count, seed=seed, progress=progress)
    blocks = []
    for number, clip in enumerate(chosen.clips):
        progress("drawing the clips", number, len(chosen.clips))
        blocks.append(clip_block(clip))
    file = opened.dataset.file
    known = {name: how for name, how in file.normalise.items() if name in file.statistics}
    measured = figures(chosen.clips, {name: Normaliser(how, file.statistics[name]) for name, how in known.items()})
    heading = _heading(opened, seed)
    with whole(folder / SHEET) as part:
        contact_sheet(chosen.clips, blocks, heading, measured).save(part, "PNG")
    with whole(folder / PAGE) as part:
        part.write_text(render_page(chosen, blocks, heading, measured, opened.binding.schema), encoding="utf-8")
    return Preview(sheet=folder / SHEET, page=folder / PAGE, clips=len(chosen.clips), problems=chosen.problems)


def _heading(opened: OpenDataset, seed: int) -> list[str]:
    file, clip = opened.dataset.file, opened.clip
    window = f"{clip.frames} frames at {clip.rate_hz:g} Hz, {clip.height_px}x{clip.width_px} pixels"
    unknown = [name for name in file.normalise if name not in file.statistics]
    later = f"{', '.join(unknown)}: normalised by statistics that the file does not hold yet, and shown as they are."
    return [
        f"{file.name}: what a model will see",
        f"{_sentence(file.summary)} Schema {opened.binding.schema.name}.".strip(),
        f"Clips of {window}, at random (seed {seed}) out of {len(opened.recordings)}. Numbers are in metres, radians and seconds.",
        *([later] if unknown else []),
    ]


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
