"""The DALI back-end: NVDEC on a GPU; on a CPU it reads VP8, VP9 and MJPEG.

DALI's decoder reads a file in memory from its start, so it is handed only the packets from the key frame before the
first wanted frame to the last one: its time then does not grow with the position in a recording.
Legend: C colours, T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from cosmos_recipes.data.decode.fitting import Fitted
from cosmos_recipes.data.decode.opening import reason, unreadable
from cosmos_recipes.data.decode.packets import needed_packets
from cosmos_recipes.data.probe import Probe, is_shown
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import RecipeError

MOST_BYTES = 128 * 2**20
"""Pixels at full size that are held at once."""
LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""Share of red and of blue in the luma of each matrix."""


def decode(media: Media, probe: Probe, frames: Sequence[int], fit: Fitted) -> Tensor:
    """Return `video_TCHW` of the frames with these numbers (in order of presentation, rising), each made to fit.

    Raises:
        RecipeError: a frame is missing or damaged (CR512).
    """
    count = max(1, MOST_BYTES // (3 * probe.height_px * probe.width_px))
    parts = [frames[start : start + count] for start in range(0, len(frames), count)]
    try:
        return torch.cat([fit(_decoded(media, probe, part)).cpu() for part in parts])
    except (av.error.FFmpegError, OSError, ValueError, RuntimeError) as error:
        raise RecipeError(unreadable(media, reason(error))) from error


def _decoded(media: Media, probe: Probe, frames: Sequence[int]) -> Tensor:
    """Return `video_TCHW` at full size."""
    import nvidia.dali.experimental.dynamic as ndd

    encoded, positions = cut(media, probe, frames)
    file, numbers = ndd.tensor(np.frombuffer(encoded, np.uint8)), np.array(positions, np.int32)
    # DALI reads the words of a call from its source: `pad_mode` has to be written out here.
    decoded = ndd.decoders.video(file, device=device(), frames=numbers, pad_mode="none")
    video_TCHW: Tensor = from_dlpack(decoded.evaluate()).permute(0, 3, 1, 2)
    if len(video_TCHW) != len(frames):
        raise RecipeError(unreadable(media, f"{len(video_TCHW)} of {len(frames)} frames"))
    return video_TCHW if probe.color_matrix == "bt601" else recoloured(video_TCHW, probe.color_matrix)


def cut(media: Media, probe: Probe, frames: Sequence[int]) -> tuple[bytes, list[int]]:
    """Return a Matroska file of the packets that these frames need, and the frames' numbers in it; nothing is decoded.

    Raises:
        RecipeError: the packet of a frame is missing (CR512).
    """
    buffer = io.BytesIO()
    times: list[int] = []
    with av.open(buffer, "w", format="matroska") as copy:
        stream: Any = None
        for packet in needed_packets(media, probe, frames):
            if packet is None:
                break
            stream = stream or copy.add_stream_from_template(packet.stream, opaque=True)
            if is_shown(packet):
                times.append(packet.pts or 0)
            packet.stream = stream
            copy.mux(packet)
    number = {time: position for position, time in enumerate(sorted(times))}
    wanted = [probe.pts[frame] for frame in frames]
    if not number.keys() >= set(wanted):
        raise RecipeError(unreadable(media, f"{sum(time in number for time in wanted)} of {len(wanted)} frames"))
    return buffer.getvalue(), [number[time] for time in wanted]


@cache
def device() -> str:
    """Return where DALI decodes."""
    return "gpu" if torch.cuda.is_available() else "cpu"


def recoloured(video_TCHW: Tensor, matrix: str) -> Tensor:
    """Return what another matrix would have given: DALI always converts with BT.601."""
    repair = torch.as_tensor(repair_matrix(matrix), dtype=torch.float32, device=video_TCHW.device)
    mixed = torch.einsum("oc,tchw->tohw", repair, video_TCHW.float())
    return mixed.round().clamp(0, 255).to(torch.uint8)


@cache
def repair_matrix(matrix: str) -> np.ndarray:
    """Return the 3x3 matrix from RGB that was decoded as BT.601 to RGB of `matrix`."""
    repair: np.ndarray = np.linalg.inv(_to_yuv(*LUMA[matrix])) @ _to_yuv(*LUMA["bt601"])
    return repair


def _to_yuv(red: float, blue: float) -> np.ndarray:
    luma = np.array([red, 1 - red - blue, blue])
    return np.stack([luma, (np.array([0, 0, 1]) - luma) / (2 - 2 * blue), (np.array([1, 0, 0]) - luma) / (2 - 2 * red)])
