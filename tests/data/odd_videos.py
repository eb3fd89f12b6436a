"""Real little videos that break a habit: times, formats, ranges, containers; every frame says its own number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from videos import picture

MATRICES = {"bt601": 5, "bt709": 1, "bt2020": 9}
MILLISECONDS = Fraction(1, 1000)


def encode(
    path: Path,
    encoder: str,
    *,
    pictures: Sequence[np.ndarray] | None = None,
    times: Sequence[int] = tuple(range(0, 2500, 100)),
    pix_fmt: str = "yuv420p",
    matrix: str | None = None,
    full_range: bool | None = None,
    rate: int = 10,
    aspect: Fraction | None = None,
    gop: int = 8,
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames that are shown at `times` (milliseconds) and return the path."""
    pictures = pictures if pictures is not None else [picture(number) for number in range(len(times))]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=rate, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], pix_fmt
        context = stream.codec_context
        context.time_base, context.gop_size = MILLISECONDS, gop
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if matrix is not None:
            context.colorspace = MATRICES[matrix]
        if full_range is not None:
            context.color_range = 2 if full_range else 1
        for shown_HWC, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(shown_HWC, format="rgb24").reformat(
                format=pix_fmt,
                dst_colorspace=MATRICES[matrix or "bt601"],
                src_color_range=2,
                dst_color_range=2 if full_range else 1,
            )
            frame.pts, frame.time_base = time, MILLISECONDS
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def remux(source: Path, path: Path, change: Callable[[av.Packet], None], **options: str) -> Path:
    """Copy a video's packets, each changed, into another file."""
    with av.open(str(source)) as old, av.open(str(path), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                change(packet)
                packet.stream = stream
                new.mux(packet)
    return path


def without_first(source: Path, path: Path, frames: int) -> Path:
    """Write an mp4 whose edit list cuts off the first frames."""

    def earlier(packet: av.Packet) -> None:
        shift = frames * (packet.duration or 0)
        packet.pts, packet.dts = (packet.pts or 0) - shift, (packet.dts or 0) - shift

    return remux(source, path, earlier, avoid_negative_ts="disabled")


def colourful(count: int, *, height: int = 96, width: int = 128) -> list[np.ndarray]:
    """Pictures of soft colours in all directions, that move; within what YUV can hold."""
    y, x = np.mgrid[:height, :width]
    waves = [
        [np.sin(x / (7 + 3 * c) + number / 3 + c) + np.cos(y / (9 - 2 * c) - number / 4) for c in range(3)]
        for number in range(count)
    ]
    return [(127 + 45 * np.stack(wave, -1)).astype(np.uint8) for wave in waves]
