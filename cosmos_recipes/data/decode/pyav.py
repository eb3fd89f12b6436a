"""The CPU back-end: PyAV, any codec, frame-exact by presentation time.

Legend: T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from torch import Tensor

from cosmos_recipes.data.probe import Probe, open_video, unreadable
from cosmos_recipes.diagnostics import RecipeError


def decode(path: Path, probe: Probe, frames: Sequence[int]) -> Tensor:
    """Return `video_THWC` of the frames with these numbers (in order of presentation, rising).

    Raises:
        RecipeError: a frame is missing or damaged (CR512).
    """
    wanted = {probe.pts[frame]: position for position, frame in enumerate(frames)}
    start = max(key for key in (0, *probe.keyframes) if key <= frames[0])
    pictures: dict[int, Tensor] = {}
    try:
        with open_video(path) as container:
            stream = container.streams.video[0]
            stream.thread_type, stream.codec_context.thread_count = "NONE", 1
            if start:
                container.seek(probe.pts[start], stream=stream, backward=True)
            for frame in container.decode(stream):
                if frame.pts in wanted:
                    pictures[wanted[frame.pts]] = _picture(frame, probe)
                if len(pictures) == len(wanted):
                    break
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise RecipeError(unreadable(path, str(error).lower())) from error
    if len(pictures) < len(wanted):
        raise RecipeError(unreadable(path, f"{len(pictures)} of {len(wanted)} frames"))
    return torch.stack([pictures[position] for position in range(len(wanted))])


def _picture(frame: av.VideoFrame, probe: Probe) -> Tensor:
    """Return the frame as (H, W, 3), its YUV read with the matrix and range that the file declares."""
    matrix = Colorspace.ITU709 if probe.color_matrix == "bt709" else Colorspace.ITU601
    value_range = ColorRange.JPEG if probe.full_range else ColorRange.MPEG
    converted = VideoReformatter().reformat(
        frame,
        format="rgb24",
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=value_range,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BILINEAR,
    )
    pixels: np.ndarray = converted.to_ndarray()
    return torch.from_numpy(pixels)
