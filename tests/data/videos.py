"""Real little videos for tests: every frame says its own number in grey levels."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from cosmos_recipes.data.probe import Probe

ENCODERS = {
    "h264": "libx264",
    "vp8": "libvpx",
    "vp9": "libvpx-vp9",
    "mjpeg": "mjpeg",
    "av1": "libsvtav1",
    "hevc": "libx265",
}
BT709 = 1


def found_in(height: int, width: int, *, rotation: int = 0, pixel_aspect: float = 1.0) -> Probe:
    """Return what would be found in a video of one picture of this form."""
    return Probe(
        codec="h264",
        height_px=height,
        width_px=width,
        pts=(0,),
        keyframes=(0,),
        seconds_per_pts=1.0,
        color_matrix="bt601",
        full_range=False,
        rotation=rotation,
        pixel_aspect=pixel_aspect,
    )


def picture(number: int, *, height: int = 64, width: int = 96) -> np.ndarray:
    """Return frame_HWC: grey of level 16 + 8 * (number modulo 28) on the left, a colour ramp on the right."""
    frame = np.full((height, width, 3), 16 + 8 * (number % 28), np.uint8)
    ramp = np.linspace(40, 200, width - width // 2, dtype=np.uint8)
    frame[:, width // 2 :] = np.stack([ramp, ramp[::-1], np.full_like(ramp, 90)], -1)
    return frame


def write_video(
    path: Path,
    *,
    codec: str = "h264",
    frames: int = 25,
    rate: int = 10,
    height: int = 64,
    width: int = 96,
    gop: int = 8,
    bt709: bool = False,
    turned: int = 0,
    table_first: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video of `frames` pictures and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "+faststart"} if table_first else {}) as container:
        stream = container.add_stream(ENCODERS[codec], rate=rate, options=options or {})
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = gop
        if bt709:
            stream.codec_context.colorspace = BT709
        if turned:
            stream.set_display_rotation(turned)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, height=height, width=width), format="rgb24")
            if bt709:
                frame = frame.reformat(format="yuv420p", dst_colorspace="itu709")
                frame.colorspace = BT709
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cut_off(path: Path, *, share: float = 0.6) -> Path:
    """Keep only the first part of a file."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    return path


def number_of(frame_CHW: np.ndarray) -> int:
    """Return the number that a decoded frame says."""
    height, width = frame_CHW.shape[-2:]
    return round((float(frame_CHW[:, height // 4 : -height // 4, width // 8 : width // 3].mean()) - 16) / 8)
