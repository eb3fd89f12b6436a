"""cosmos-framework: a JSONL whose rows are videos, each with windows of frames that have a caption."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cosmos_recipes.data.recording import Media, Recording, Split
from cosmos_recipes.data.sources.bounded import beginning
from cosmos_recipes.data.sources.listed import Reader, fail_missing
from cosmos_recipes.data.sources.splits import split_said
from cosmos_recipes.data.sources.values import fail_annotation, numbered_lines, parse_json, read_text
from cosmos_recipes.diagnostics import Place, RecipeError, fail
from cosmos_recipes.recipe.paths import named_in

if TYPE_CHECKING:
    from cosmos_recipes.data.probe import Probe


class Window(BaseModel):
    """Frames of a video, the last one included."""

    model_config = ConfigDict(frozen=True)

    start_frame: int = Field(ge=0)
    end_frame: int = Field(ge=0)
    temporal_interval: int = 1
    caption: str | None = None
    caption_json: Any = None


class Row(BaseModel):
    """A line of the file."""

    model_config = ConfigDict(frozen=True)

    uuid: str
    vision_path: str
    t2w_windows: list[Window]


def fits(path: Path) -> bool:
    """Return whether the first line of a .jsonl has windows."""
    return any('"t2w_windows"' in beginning(file).partition("\n")[0] for file in _files(path))


def readers(path: Path) -> list[Reader]:
    """Return what reads each window, in the order of the files."""
    return [
        partial(_read, file, number, split_said(file.stem) if path.is_dir() else None, row, window)
        for file in _files(path)
        for number, row in _rows(file)
        for window in row.t2w_windows
    ]


def videos(path: Path) -> dict[str, Path]:
    """Return the videos that the rows name."""
    return {row.vision_path: file.parent / row.vision_path for file in _files(path) for _, row in _rows(file)}


def _files(path: Path) -> Sequence[Path]:
    return sorted(path.glob("*.jsonl")) if path.is_dir() else [path] if path.suffix == ".jsonl" else []


def _rows(file: Path) -> list[tuple[int, Row]]:
    return [(number, _row(file, number, line)) for number, line in numbered_lines(read_text(file))]


def _row(file: Path, number: int, line: str) -> Row:
    place = Place(file=str(file), line=number, column=1)
    found = parse_json(line, place, f"line {number} of {file.name}")
    try:
        return Row.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the line"
        fail_annotation(
            f"line {number} of {file.name} is no video with windows",
            place,
            expected="uuid, vision_path and t2w_windows with start_frame, end_frame and caption",
            found=f"{key}: {first['msg'].lower()}",
        )


def _read(file: Path, number: int, split: Split | None, row: Row, window: Window) -> Recording:
    video = named_in(file.parent, row.vision_path, place=Place(file=str(file)))
    if not video.is_file():
        fail_missing(f"the video of {row.uuid} is not there", file, expected=row.vision_path, found=f"line {number}")
    media = _media(video, window, Place(file=str(file), line=number, column=1))
    values: dict[str, Any] = {"temporal_interval": window.temporal_interval}
    values |= {"caption": window.caption.strip()} if window.caption else {}
    values |= {"caption_json": _as_text(window.caption_json)} if window.caption_json else {}
    name = f"{row.uuid}/{window.start_frame:06d}-{window.end_frame:06d}"
    return Recording(name=name, split=split, views={"video": media}, values=values)


def _as_text(told: Any) -> str:
    return told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)


def _media(video: Path, window: Window, place: Place) -> Media:
    """Return the window on the video's clock, cut half way between two frames; its own ends are left open.

    As in cosmos-framework, a window that ends after the video ends with it.
    """
    try:
        found = _probed(video, video.stat().st_mtime_ns)
    except RecipeError:
        # The index looks at every video, and leaves out one that is damaged.
        return Media(path=video)
    last = min(window.end_frame, len(found.pts) - 1)
    if not window.start_frame < last:
        fail(
            "CR559",
            f"a window of {video.name} holds no frames",
            place=place,
            expected=f"start_frame before end_frame, in a video of {len(found.pts)} frames",
            found=f"{window.start_frame} to {window.end_frame}",
            hint="correct the numbers; they count the frames of the video from 0",
        )
    return Media(path=video, start_s=_before_s(found, window.start_frame), end_s=_before_s(found, last + 1))


def _before_s(found: Probe, frame: int) -> float | None:
    """Return the moment half way between a frame and the one before it; None at the ends of the video."""
    if not 0 < frame < len(found.pts):
        return None
    return (found.pts[frame - 1] + found.pts[frame]) / 2 * found.seconds_per_pts


@lru_cache(maxsize=8)
def _probed(video: Path, changed_ns: int) -> Probe:
    """The windows of a video follow each other."""
    from cosmos_recipes.data.probe import probe

    return probe(video)
