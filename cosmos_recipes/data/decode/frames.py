"""The interface of decoding: frames of a recording, resized and centre-cropped to the clip's size.

Legend: C colours, T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from cosmos_recipes.data.decode import dali, pyav
from cosmos_recipes.data.decode.choice import BackendName
from cosmos_recipes.data.probe import Probe

_BACKENDS = {"cpu": pyav.decode, "dali": dali.decode}


def read_frames(
    path: Path,
    probe: Probe,
    frames: Sequence[int],
    *,
    height_px: int,
    width_px: int,
    backends: Mapping[str, BackendName],
) -> Tensor:
    """Return `video_CTHW` of the frames with these numbers (rising), by the codec's back-end.

    Codecs that the plan did not see are read by PyAV, which reads any.

    Raises:
        RecipeError: a frame is missing or damaged (CR512).
    """
    video_THWC = _BACKENDS[backends.get(probe.codec, "cpu")](path, probe, frames)
    return fit_size(video_THWC.permute(0, 3, 1, 2), height_px=height_px, width_px=width_px).transpose(0, 1)


def fit_size(video_TCHW: Tensor, *, height_px: int, width_px: int) -> Tensor:
    """Return the video scaled to cover the size, with antialiasing, and cropped at its centre."""
    height, width = video_TCHW.shape[-2:]
    scale = max(height_px / height, width_px / width)
    scaled = (max(height_px, round(height * scale)), max(width_px, round(width * scale)))
    if scaled != (height, width):
        video_TCHW = nn.functional.interpolate(video_TCHW.contiguous(), size=scaled, mode="bilinear", antialias=True)
    top, left = (scaled[0] - height_px) // 2, (scaled[1] - width_px) // 2
    return video_TCHW[..., top : top + height_px, left : left + width_px]
