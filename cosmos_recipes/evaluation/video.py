"""Videos that people look at: H.264 in MP4, which every browser plays, small pictures enlarged so that they can be seen.

Legend: C colours, T frames, H height, W width; video is uint8.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

LEAST_SIDE_PX = 256
GUTTER_PX = 4
_PAPER = 255


def mp4_bytes(video_CTHW: Tensor, rate_hz: float, *, most_side_px: int | None = None) -> bytes:
    """Return what `write_mp4` writes."""
    # The index can only be moved to the front of a file that has a name.
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_mp4(path, video_CTHW, rate_hz, most_side_px=most_side_px)
        return path.read_bytes()


def write_mp4(path: Path, video_CTHW: Tensor, rate_hz: float, *, most_side_px: int | None = None) -> None:
    """Write an MP4 of the frames: H.264, 4:2:0, its index first so that it plays while it loads.

    Pictures are enlarged by a whole factor until the shorter side has `LEAST_SIDE_PX`, and made smaller where the longer
    side has more than `most_side_px`.
    """
    frames_THWC = _even(resize(video_CTHW, most_side_px=most_side_px)).permute(1, 2, 3, 0).cpu().contiguous().numpy()
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(rate_hz).limit_denominator(1001), options=_ENCODER)
        stream.height, stream.width = frames_THWC.shape[1:3]
        # One thread: the file must not depend on how many cores there are.
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
        for field in ("colorspace", "color_primaries", "color_trc"):
            setattr(stream.codec_context, field, _BT709)
        for frame_HWC in frames_THWC:
            picture = av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")
            container.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(stream.encode())


_BT709 = 1
# With macroblock-tree rate control, the same frames of some sizes give other bytes from time to time.
_ENCODER = {"crf": "18", "preset": "medium", "tune": "animation", "x264-params": "mbtree=0"}


def resize(video_CTHW: Tensor, *, most_side_px: int | None = None) -> Tensor:
    """Return the video enlarged by a whole factor, each pixel a square, or made smaller by averaging."""
    height, width = video_CTHW.shape[-2:]
    factor = -(-LEAST_SIDE_PX // min(height, width))
    if factor > 1:
        return video_CTHW.repeat_interleave(factor, -2).repeat_interleave(factor, -1)
    if most_side_px is None or max(height, width) <= most_side_px:
        return video_CTHW
    size = [max(1, round(side * most_side_px / max(height, width))) for side in (height, width)]
    smaller_TCHW = interpolate(video_CTHW.transpose(0, 1).float(), size, mode="bilinear", antialias=True)
    return smaller_TCHW.round().clamp(0, 255).to(torch.uint8).transpose(0, 1)


def side_by_side(videos: Sequence[Tensor]) -> Tensor:
    """Return videos of one size next to each other, with a white gutter between."""
    factor = -(-LEAST_SIDE_PX // min(videos[0].shape[-2:]))
    gutter = -(-GUTTER_PX // factor)
    padded = [pad(video, (0, gutter), value=_PAPER) for video in videos[:-1]]
    return torch.cat([*padded, videos[-1]], -1)


def _even(video_CTHW: Tensor) -> Tensor:
    """Repeat the last row or column where a side is odd, which 4:2:0 cannot hold."""
    height, width = video_CTHW.shape[-2:]
    return pad(video_CTHW.float(), (0, width % 2, 0, height % 2), mode="replicate").to(torch.uint8)
