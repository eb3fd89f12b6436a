"""Write frames as an mp4 of constant rate, in which frame k is at exactly k / rate seconds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Codec = Literal["vp9", "mjpeg", "h264"]

GROUP_FRAMES = 8
"""Frames from one key frame to the next, so that a window in the middle is reached quickly."""

_ENCODERS: dict[Codec, tuple[str, str, dict[str, str]]] = {
    "vp9": (
        "libvpx-vp9",
        "yuv420p",
        {"deadline": "realtime", "cpu-used": "8", "crf": "8", "lag-in-frames": "0", "auto-alt-ref": "0"},
    ),
    "mjpeg": ("mjpeg", "yuvj420p", {"qmin": "1", "qmax": "1"}),
    "h264": ("libx264", "yuv420p", {"preset": "veryfast", "crf": "14", "tune": "psnr", "sc_threshold": "0"}),
}
_BT601, _LIMITED_RANGE, _FULL_RANGE = 5, 1, 2


def exact_rate(rate_hz: float) -> Fraction:
    """Return the rate as a fraction, so that 29.97 is 2997/100 and times do not drift."""
    return Fraction(rate_hz).limit_denominator(1001)


def write_video(path: Path, frames_THWC: NDArray[np.uint8], rate_hz: float, codec: Codec) -> None:
    """Encode RGB frames, visually near lossless, to an mp4 file; the same frames give the same bytes.

    Raises:
        ValueError: height or width is odd, which 4:2:0 chroma cannot hold.
    """
    import av

    height_px, width_px = frames_THWC.shape[1:3]
    if height_px % 2 or width_px % 2:
        raise ValueError(f"a video's height and width must be even, not {height_px}x{width_px}")
    encoder, pixel_format, options = _ENCODERS[codec]
    container_options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", container_options=container_options) as container:
        stream = container.add_stream(encoder, rate=exact_rate(rate_hz), options=options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = height_px, width_px, pixel_format
        context = stream.codec_context
        context.gop_size, context.max_b_frames, context.thread_count, context.bit_rate = GROUP_FRAMES, 0, 1, 0
        context.colorspace = _BT601
        context.color_range = _FULL_RANGE if codec == "mjpeg" else _LIMITED_RANGE
        for index, frame_HWC in enumerate(frames_THWC):
            picture = av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")
            picture = picture.reformat(format=pixel_format, dst_colorspace=_BT601)
            picture.pts, picture.time_base = index, 1 / exact_rate(rate_hz)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def read_video(path: Path) -> NDArray[np.uint8]:
    """Return every frame of a video in display order as RGB, frames_THWC."""
    import av
    import numpy as np

    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
