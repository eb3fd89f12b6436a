"""The CPU back-end: PyAV, any codec, frame-exact by presentation time.

Legend: C colours, T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from torch import Tensor

from cosmos_recipes.data.decode.fitting import Fit
from cosmos_recipes.data.probe import Probe, open_video, reason, unreadable
from cosmos_recipes.diagnostics import RecipeError

if TYPE_CHECKING:
    from av import VideoFrame

AT_ONCE = 8
"""Frames that are held at their full size."""
_MATRICES = {"bt601": Colorspace.ITU601, "bt709": Colorspace.ITU709, "bt2020": Colorspace.BT2020}
_EXACT = (
    Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND
)
"""Chroma is interpolated in both directions, as DALI does: the two then give the same RGB."""


def decode(path: Path, probe: Probe, frames: Sequence[int], fit: Fit) -> Tensor:
    """Return `video_TCHW` of the frames with these numbers (in order of presentation, rising), each made to fit.

    Raises:
        RecipeError: a frame is missing or damaged (CR512).
    """
    try:
        fitted = list(_fitted(path, probe, frames, fit, seek=True))
        if sum(map(len, fitted)) < len(frames):
            # A container may overshoot the key frame that is sought.
            fitted = list(_fitted(path, probe, frames, fit, seek=False))
    except (FFmpegError, OSError, ValueError) as error:
        raise RecipeError(unreadable(path, reason(error))) from error
    found = sum(map(len, fitted))
    if found < len(frames):
        raise RecipeError(unreadable(path, f"{found} of {len(frames)} frames"))
    return torch.cat(fitted)


def _fitted(path: Path, probe: Probe, frames: Sequence[int], fit: Fit, *, seek: bool) -> Iterator[Tensor]:
    """Yield `video_TCHW` of a few frames at a time; fewer in all if some are missing."""
    reformatter, pictures = VideoReformatter(), list[Tensor]()
    for frame in _wanted(path, probe, frames, seek=seek):
        picture = _picture(frame, probe, reformatter)
        if pictures and (len(pictures) == AT_ONCE or picture.shape != pictures[0].shape):
            yield fit(torch.stack(pictures).permute(0, 3, 1, 2))
            pictures = []
        pictures.append(picture)
    if pictures:
        yield fit(torch.stack(pictures).permute(0, 3, 1, 2))


def _wanted(path: Path, probe: Probe, frames: Sequence[int], *, seek: bool) -> Iterator[VideoFrame]:
    wanted = [probe.pts[frame] for frame in frames]
    with open_video(path) as container:
        key = probe.key_before(frames[0])
        if seek and key:
            container.seek(probe.pts[key], stream=container.streams.video[0], backward=True)
        position = 0
        for frame in container.decode(video=0):
            if frame.pts == wanted[position]:
                if frame.is_corrupt:
                    raise ValueError(f"a frame at {frame.time:.2f} s is damaged")
                yield frame
                position += 1
                if position == len(wanted):
                    return


def _picture(frame: VideoFrame, probe: Probe, reformatter: VideoReformatter) -> Tensor:
    """Return the frame as (H, W, C), its YUV read with the matrix and range that the file declares."""
    matrix = _MATRICES[probe.color_matrix]
    converted = reformatter.reformat(
        frame,
        format="rgb24",
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=ColorRange.JPEG if probe.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=_EXACT,
        threads=1,
    )
    return torch.from_numpy(converted.to_ndarray())
