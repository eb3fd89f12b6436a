"""The DALI back-end: NVDEC on a GPU; on a CPU it reads VP8, VP9 and MJPEG.

DALI's decoder reads a file in memory from its start, so it is handed only the packets from the key frame before the
first wanted frame to the last one: its time then does not grow with the position in a recording.
Legend: T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cosmos_recipes.data.probe import Probe, open_video, unreadable
from cosmos_recipes.diagnostics import RecipeError

BT601_TO_BT709 = ((1.0864, -0.0723, -0.0141), (0.0965, 0.8451, 0.0584), (-0.0141, -0.0277, 1.0418))
"""DALI always converts with BT.601; this takes its RGB to what BT.709 would have given."""


def decode(path: Path, probe: Probe, frames: Sequence[int]) -> Tensor:
    """Return `video_THWC` of the frames with these numbers (in order of presentation, rising).

    Raises:
        RecipeError: a frame is missing or damaged (CR512).
    """
    start = max(key for key in (0, *probe.keyframes) if key <= frames[0])
    count = frames[-1] - start + 1
    try:
        encoded = np.frombuffer(_cut(path, probe, start, frames[-1]), np.uint8)
        decoded_THWC = _run(encoded, count)
    except RuntimeError as error:
        raise RecipeError(unreadable(path, _first_line(error))) from error
    if len(decoded_THWC) < count:
        raise RecipeError(unreadable(path, f"{len(decoded_THWC)} of {count} frames"))
    chosen_THWC = decoded_THWC[torch.tensor([frame - start for frame in frames], device=decoded_THWC.device)]
    return _recoloured(chosen_THWC) if probe.color_matrix == "bt709" else chosen_THWC


def _cut(path: Path, probe: Probe, first: int, last: int) -> bytes:
    """Return a Matroska file of the packets that frames `first` (a key frame) to `last` need, without decoding."""
    import av

    buffer = io.BytesIO()
    try:
        with open_video(path) as container, av.open(buffer, "w", format="matroska") as cut:
            stream = container.streams.video[0]
            out: Any = cut.add_stream_from_template(stream)
            if first:
                container.seek(probe.pts[first], stream=stream, backward=True)
            for packet in container.demux(stream):
                if packet.pts is None or packet.pts < probe.pts[first]:
                    continue
                past = packet.pts > probe.pts[last] and packet.is_keyframe
                if past:
                    break
                packet.stream = out
                cut.mux(packet)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise RecipeError(unreadable(path, str(error).lower())) from error
    return buffer.getvalue()


def _run(encoded: np.ndarray, count: int) -> Tensor:
    import nvidia.dali.experimental.dynamic as ndd

    device = _device()
    decoded = ndd.decoders.video(ndd.tensor(encoded), device=device, start_frame=0, sequence_length=count, pad_mode="none")
    return torch.utils.dlpack.from_dlpack(decoded.evaluate()).clone() if device == "gpu" else torch.from_numpy(np.array(decoded.evaluate()))


@cache
def _device() -> str:
    return "gpu" if torch.cuda.is_available() else "cpu"


def _recoloured(video_THWC: Tensor) -> Tensor:
    matrix = torch.tensor(BT601_TO_BT709, device=video_THWC.device)
    return (video_THWC.float() @ matrix.T).round().clamp(0, 255).to(torch.uint8)


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), "unknown").strip().lower()
