"""The CPU back-end: PyAV, any codec, frame-exact by presentation time.

Legend: C colours, T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from av.error import FFmpegError
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from torch import Tensor

from cosmos_recipes.data.decode.fitting import Fitted, Region
from cosmos_recipes.data.decode.opening import reason, unreadable
from cosmos_recipes.data.decode.packets import needed_packets
from cosmos_recipes.data.probe import Probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import RecipeError

if TYPE_CHECKING:
    from av import VideoCodecContext, VideoFrame

_MATRICES = {"bt601": Colorspace.ITU601, "bt709": Colorspace.ITU709, "bt2020": Colorspace.BT2020}
_EXACT = (
    Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND
)
"""Chroma is interpolated in both directions, as DALI does: the two then give the same RGB."""
_PLANES = (2, 0, 1)
"""Where FFmpeg keeps red, green and blue: planes are several times faster than packed pixels, and the same."""
_BORDER_PX, _ALIGNED_PX = 8, 32
"""Pixels around a part of a picture that its chroma is interpolated from, and of which it begins at a multiple."""


def decode(media: Media, probe: Probe, frames: Sequence[int], fit: Fitted) -> Tensor:
    """Return `video_TCHW` of the frames with these numbers (in order of presentation, rising), each made to fit.

    Raises:
        RecipeError: a frame is missing or damaged (CR512).
    """
    video_TCHW = torch.empty(len(frames), 3, fit.height_px, fit.width_px, dtype=torch.uint8)
    into = dict(zip(frames, video_TCHW, strict=True))
    with suppress(RecipeError):
        if sum(1 for _ in pictures(media, probe, into, fit, careful=False)) == len(frames):
            return video_TCHW
    came = sum(1 for _ in pictures(media, probe, into, fit, careful=True))
    if came == len(frames):
        return video_TCHW
    raise RecipeError(unreadable(media, f"{came} of {len(frames)} frames"))


def pictures(
    media: Media, probe: Probe, into: Mapping[int, Tensor], fit: Fitted, *, careful: bool
) -> Iterator[tuple[int, Tensor]]:
    """Yield number and `frame_CHW` of frames, in order, each written into the tensor that `into` has for its number.

    What is missing is left out. Unless it is to be `careful`, two things are spared that streams which break their own
    rules may need: frames that H.264 marks as needed by no other, and decoding the first frames of the file to find out
    what is in it.

    Raises:
        RecipeError: a frame is damaged (CR512).
    """
    frames = sorted(into)
    number, converter = {probe.pts[frame]: frame for frame in frames}, _Converter(probe, fit)
    try:
        for frame in _decoded(media, probe, frames, careful=careful):
            if frame.is_corrupt:
                raise ValueError(f"a frame at {frame.time:.2f} s is damaged")
            if frame.pts in number:
                own = number[frame.pts]
                converter.write(frame, into[own])
                yield own, into[own]
    except (FFmpegError, OSError, ValueError) as error:
        raise RecipeError(unreadable(media, reason(error))) from error


def _decoded(media: Media, probe: Probe, frames: Sequence[int], *, careful: bool) -> Iterator[VideoFrame]:
    """Yield the wanted frames and those that they need."""
    wanted, sparing = {probe.pts[frame] for frame in frames}, probe.codec == "h264" and not careful
    context: VideoCodecContext | None = None
    for packet in needed_packets(media, probe, frames, known=not careful):
        if packet is not None:
            context = packet.stream.codec_context
            if sparing:
                context.skip_frame = "DEFAULT" if packet.pts in wanted else "NONREF"
            yield from packet.decode()
        elif context is not None:
            yield from context.decode(None)


class _Converter:
    """Makes frames fit, their YUV read with the matrix and range that the file declares."""

    def __init__(self, probe: Probe, fit: Fitted) -> None:
        matrix, region = _MATRICES[probe.color_matrix], fit.region
        self._fit, self._seen = fit, fit.seen
        self._whole = Region(0, probe.height_px, 0, probe.width_px)
        self._around = _around(self._seen, self._whole)
        self._croppers: dict[str, Graph] = {}
        self._reformatter = VideoReformatter()
        self._settings: dict[str, Any] = {
            "format": "gbrp",
            "src_colorspace": matrix,
            "dst_colorspace": matrix,
            "src_color_range": ColorRange.JPEG if probe.full_range else ColorRange.MPEG,
            "dst_color_range": ColorRange.JPEG,
            "interpolation": _EXACT,
            "threads": 1,
        }
        # What is not seen stays black.
        self._region_CHW = torch.zeros(3, region.bottom - region.top, region.right - region.left, dtype=torch.uint8)
        self._seen_CHW = self._region_CHW[:, *self._seen.within(region)]

    def write(self, frame: VideoFrame, frame_CHW: Tensor) -> None:
        """Write the fitted picture; a frame of another size than the first is scaled to the size of the first."""
        if self._fit.only_crops:
            self._write_seen(frame, frame_CHW)
        else:
            self._write_seen(frame, self._seen_CHW)
            frame_CHW.copy_(self._fit.finished(self._region_CHW[None])[0])

    def _write_seen(self, frame: VideoFrame, seen_CHW: Tensor) -> None:
        same_size = (frame.height, frame.width) == (self._whole.bottom, self._whole.right)
        around = self._around if same_size else self._whole
        planar = self._reformatter.reformat(
            frame if around == self._whole else self._cropped(frame),
            height=around.bottom - around.top,
            width=around.right - around.left,
            **self._settings,
        )
        planes, (rows, columns) = planar.planes, self._seen.within(around)
        for plane_HW, position in zip(seen_CHW.numpy(), _PLANES, strict=True):
            plane = planes[position]
            padded_HW = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            plane_HW[:] = padded_HW[rows, columns]

    def _cropped(self, frame: VideoFrame) -> VideoFrame:
        """Return the part of a frame around the region, in place, before any colour is converted."""
        graph = self._croppers.get(frame.format.name)
        if graph is None:
            graph = self._croppers[frame.format.name] = Graph()
            graph.threads = 1
            top, bottom, left, right = self._around
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
            )
            crop = graph.add("crop", f"{right - left}:{bottom - top}:{left}:{top}:exact=1")
            graph.link_nodes(source, crop, graph.add("buffersink")).configure()
        graph.vpush(frame)
        return graph.vpull()


def _around(region: Region, whole: Region) -> Region:
    """Return a region with the border that its colours are interpolated from."""
    return Region(
        max(0, region.top - _BORDER_PX) // _ALIGNED_PX * _ALIGNED_PX,
        min(whole.bottom, (region.bottom + _BORDER_PX) // 2 * 2),
        max(0, region.left - _BORDER_PX) // _ALIGNED_PX * _ALIGNED_PX,
        min(whole.right, (region.right + _BORDER_PX) // 2 * 2),
    )
