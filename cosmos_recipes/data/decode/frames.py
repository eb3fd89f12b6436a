"""The interface of decoding: frames of recordings, made to fit the clip's size, by the back-end of each codec.

Legend: V views, C colours, T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NoReturn

import torch
from torch import Tensor

from cosmos_recipes.data.decode import pyav
from cosmos_recipes.data.decode.choice import BackendName
from cosmos_recipes.data.decode.fitting import fitting
from cosmos_recipes.data.decode.opening import as_media, described
from cosmos_recipes.data.probe import Probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail

Requested = Literal["auto", "dali", "cpu"]
"""What the recipe says under `decode`."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What one camera of a recording saw: where its frames are, and what was found there."""

    media: Media
    probe: Probe


def decode(
    views: Sequence[View],
    windows: Sequence[Sequence[int]],
    *,
    height_px: int,
    width_px: int,
    backends: Mapping[str, BackendName],
    requested: Requested = "auto",
) -> Tensor:
    """Return `video_VCTHW` of one recording: of each view the frames of its own window, in the order given.

    Views are read one after the other: decoding recordings side by side, as who calls this does, keeps every core busy.

    Raises:
        RecipeError: a frame is missing or damaged (CR512), or DALI refuses what it was demanded for (CR573); every view
            that is not whole is named.
    """
    videos: list[Tensor] = []
    problems: list[Problem] = []
    for view, window in zip(views, windows, strict=True):
        frames = sorted(set(window))
        try:
            video_CTHW = read_frames(
                view.media,
                view.probe,
                frames,
                height_px=height_px,
                width_px=width_px,
                backends=backends,
                requested=requested,
            )
        except RecipeError as error:
            problems += error.problems
        else:
            videos.append(video_CTHW[:, [frames.index(frame) for frame in window]])
    if problems:
        raise RecipeError(*problems)
    return torch.stack(videos)


def read_frames(
    media: Media | Path,
    probe: Probe,
    frames: Sequence[int],
    *,
    height_px: int,
    width_px: int,
    backends: Mapping[str, BackendName],
    requested: Requested = "auto",
) -> Tensor:
    """Return `video_CTHW` of the frames with these numbers (rising), by the codec's back-end.

    PyAV reads codecs that the plan did not see and, unless DALI is demanded, what DALI refuses (its hardware has least
    and largest sizes): the two give the same frames.

    Raises:
        RecipeError: a frame is missing or damaged (CR512), or DALI, which is demanded, refuses the file (CR573).
    """
    media, fit = as_media(media), fitting(probe, height_px=height_px, width_px=width_px)
    if backends.get(probe.codec) != "dali":
        return pyav.decode(media, probe, frames, fit).transpose(0, 1)
    from cosmos_recipes.data.decode import dali

    try:
        return dali.decode(media, probe, frames, fit).transpose(0, 1)
    except RecipeError as error:
        refused = error.problems[0].found
    # A file that is damaged is refused here too, and named as such.
    video_TCHW = pyav.decode(media, probe, frames, fit)
    if requested == "dali":
        _fail_refused(media, probe, refused)
    _note_refused(probe.codec, refused)
    return video_TCHW.transpose(0, 1)


def _fail_refused(media: Media, probe: Probe, refused: str) -> NoReturn:
    fail(
        "CR573",
        f"the recipe demands DALI, which refuses {described(media)}",
        place=Place(file=str(media.path)),
        expected="a video that DALI reads",
        found=f"{probe.codec}, {probe.height_px}x{probe.width_px}: {refused}",
        hint="use `decode: auto`, or convert the video",
    )


@lru_cache(maxsize=64)
def _note_refused(codec: str, refused: str) -> None:
    """Say once for each reason that PyAV stands in."""
    _log.warning("DALI refuses a video in %s, PyAV decodes it: %s", codec, refused)
