"""Real little videos for tests: every frame says its own number in grey levels."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

ENCODERS = {"h264": "libx264", "vp9": "libvpx-vp9", "mjpeg": "mjpeg", "av1": "libsvtav1", "hevc": "libx265"}
SUFFIXES = {"h264": ".mp4", "vp9": ".webm", "mjpeg": ".mkv", "av1": ".mp4", "hevc": ".mp4"}


def picture(number: int, *, height: int = 64, width: int = 96) -> np.ndarray:
    """Return frame_HWC: grey of level 16 + 8 * (number modulo 28) on the left, a colour ramp on the right."""
    frame = np.full((height, width, 3), 16 + 8 * (number % 28), np.uint8)
    ramp = np.linspace(40, 200, width // 2, dtype=np.uint8)
    frame[:, width // 2 :] = np.stack([ramp, ramp[::-1], np.full_like(ramp, 90)], -1)
    return frame


def write_video(
    path: Path, *, codec: str = "h264", frames: int = 25, rate: int = 10, height: int = 64, width: int = 96, gop: int = 8
) -> Path:
    """Write a video of `frames` pictures and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(ENCODERS[codec], rate=rate)
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = gop
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, height=height, width=width), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def number_of(frame_CHW: np.ndarray) -> int:
    """Return the number that a decoded frame says."""
    height, width = frame_CHW.shape[-2:]
    return round((float(frame_CHW[:, height // 4 : -height // 4, width // 8 : width // 3].mean()) - 16) / 8)
