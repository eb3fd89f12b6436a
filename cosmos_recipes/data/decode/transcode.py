"""Writing a video once more at the size of the clips, so that random windows of it decode many times faster.

Legend: C colours, T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import av
import numpy as np
import torch
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from cosmos_recipes.data.decode import pyav
from cosmos_recipes.data.decode.fitting import fitting
from cosmos_recipes.data.decode.opening import as_media, described, reason, unreadable
from cosmos_recipes.data.probe import Probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Place, RecipeError, fail
from cosmos_recipes.files import remove, unfinished, whole
from cosmos_recipes.worlds.video import exact_rate

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import OutputContainer
    from torch import Tensor

TranscodeCodec = Literal["h264", "vp9", "mjpeg"]
GROUP_FRAMES = 8
"""Frames from one key frame to the next."""
FINEST_PER_S = 1_000_000
_ENCODERS: dict[TranscodeCodec, tuple[str, str, dict[str, str]]] = {
    "h264": (
        "libx264",
        "yuv420p",
        {
            "preset": "veryfast",
            "tune": "fastdecode,psnr",
            "qp": "16",
            "sc_threshold": "0",
            # Where chroma lies as it is made here; decoders take H.264 that does not say so to hold it at the left.
            "x264-params": "chromaloc=1",
        },
    ),
    "vp9": ("libvpx-vp9", "yuv420p", {"deadline": "realtime", "cpu-used": "6", "crf": "10", "auto-alt-ref": "0"}),
    "mjpeg": ("mjpeg", "yuvj420p", {"qmin": "1", "qmax": "2"}),
}
_BT601 = 6
_SMOOTH = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND


def transcode(
    media: Media | Path,
    probe: Probe,
    path: Path,
    *,
    height_px: int,
    width_px: int,
    rate_hz: float | None = None,
    codec: TranscodeCodec = "h264",
) -> None:
    """Write the frames of a video, made to fit as they are when they are decoded, to an mp4 that is whole or not there.

    Frame k of the file is frame k of `probe`, as many seconds after the first; with a rate it is the one nearest to
    k / rate_hz seconds. Every eighth frame is a key frame, and none is stored out of order. Sound is left out.

    Raises:
        RecipeError: a frame is missing or damaged (CR512), or the video cannot be encoded (CR574).
    """
    media, fit = as_media(media), fitting(probe, height_px=height_px, width_px=width_px)
    if height_px % 2 or width_px % 2:
        _fail(media, path, f"{height_px}x{width_px}, of which a side is odd")
    time_base, times = _times(probe, rate_hz)
    try:
        with (
            whole(path) as part,
            av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container,
        ):
            stream, reformatter = _stream(container, codec, height_px=height_px, width_px=width_px), VideoReformatter()
            stream.codec_context.time_base = time_base
            into = dict.fromkeys(times, torch.empty(3, height_px, width_px, dtype=torch.uint8))
            for number, frame_CHW in pyav.pictures(media, probe, into, fit, careful=True):
                for time in times.pop(number):
                    frame = _frame(frame_CHW, stream, reformatter)
                    frame.pts, frame.time_base = time, time_base
                    container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if times:
                raise RecipeError(unreadable(media, f"{len(times)} frames are missing"))
    except (FFmpegError, OSError, ValueError) as error:
        _fail(media, path, reason(error))
    finally:
        remove(unfinished(path))


def _times(probe: Probe, rate_hz: float | None) -> tuple[Fraction, dict[int, list[int]]]:
    """Return the time base, and for each number of a frame when it is shown, in its units."""
    times_s = np.asarray(probe.times_s)
    if rate_hz is None:
        time_base = max(Fraction(probe.seconds_per_pts).limit_denominator(FINEST_PER_S), Fraction(1, FINEST_PER_S))
        return time_base, {number: [round(time_s / time_base)] for number, time_s in enumerate(probe.times_s)}
    midpoints_s, interval_s = (times_s[1:] + times_s[:-1]) / 2, times_s[-1] / max(1, len(times_s) - 1)
    count = int((times_s[-1] + interval_s / 2) * rate_hz) + 1
    times: dict[int, list[int]] = {}
    for place, number in enumerate(np.searchsorted(midpoints_s, np.arange(count) / rate_hz).tolist()):
        times.setdefault(number, []).append(place)
    return 1 / exact_rate(rate_hz), times


def _stream(container: OutputContainer, codec: TranscodeCodec, *, height_px: int, width_px: int) -> VideoStream:
    encoder, pixel_format, options = _ENCODERS[codec]
    stream = container.add_stream(encoder, options=options)
    assert isinstance(stream, av.VideoStream)
    stream.height, stream.width, stream.pix_fmt = height_px, width_px, pixel_format
    context = stream.codec_context
    context.gop_size, context.max_b_frames, context.thread_count, context.bit_rate = GROUP_FRAMES, 0, 1, 0
    context.colorspace = _BT601
    context.color_range = ColorRange.JPEG if codec == "mjpeg" else ColorRange.MPEG
    return stream


def _frame(frame_CHW: Tensor, stream: VideoStream, reformatter: VideoReformatter) -> VideoFrame:
    """Return a picture as the encoder takes it."""
    picture = av.VideoFrame.from_ndarray(frame_CHW.permute(1, 2, 0).contiguous().numpy(), format="rgb24")
    return reformatter.reformat(
        picture,
        format=stream.pix_fmt,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.JPEG,
        dst_color_range=stream.codec_context.color_range,
        interpolation=_SMOOTH,
        threads=1,
    )


def _fail(media: Media, path: Path, found: str) -> NoReturn:
    fail(
        "CR574",
        f"the video {described(media)} cannot be written as {path.name}",
        place=Place(file=str(media.path)),
        expected="an even height and width, and room on the disk",
        found=found,
        hint="choose another size, or another folder",
    )
