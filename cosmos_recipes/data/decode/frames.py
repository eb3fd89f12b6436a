"""The interface of decoding: frames of recordings, made to fit the clip's size, by the back-end of each codec.

Legend: B recordings, V views, C colours, T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
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

    Raises:
        RecipeError: as `decode_batch`.
    """
    video_BVCTHW = decode_batch(
        [views], [windows], height_px=height_px, width_px=width_px, backends=backends, requested=requested
    )
    return video_BVCTHW[0]


def decode_batch(
    recordings: Sequence[Sequence[View]],
    windows: Sequence[Sequence[Sequence[int]]],
    *,
    height_px: int,
    width_px: int,
    backends: Mapping[str, BackendName],
    requested: Requested = "auto",
) -> Tensor:
    """Return `video_BVCTHW`: of each view of each recording the frames of its window, decoded side by side.

    Every recording has as many views, and every window as many frames, as the others.

    Raises:
        RecipeError: a frame is missing or damaged (CR512), or DALI refuses what it was demanded for (CR573); every view
            that is not whole is named.
    """
    jobs = [
        (view, window)
        for views, own in zip(recordings, windows, strict=True)
        for view, window in zip(views, own, strict=True)
    ]

    def video_or_problems(job: tuple[View, Sequence[int]]) -> Tensor | tuple[Problem, ...]:
        view, frames = job[0], sorted(set(job[1]))
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
            return error.problems
        return video_CTHW[:, [frames.index(frame) for frame in job[1]]]

    looked = list(_pool().map(video_or_problems, jobs) if len(jobs) > 1 else map(video_or_problems, jobs))
    videos = [video for video in looked if isinstance(video, Tensor)]
    if len(videos) < len(looked):
        raise RecipeError(*(problem for found in looked if not isinstance(found, Tensor) for problem in found))
    video_BVCTHW: Tensor = torch.stack(videos).unflatten(0, (len(recordings), -1))
    return video_BVCTHW


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


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode")


# Threads do not live on in a forked process.
os.register_at_fork(after_in_child=_pool.cache_clear)
