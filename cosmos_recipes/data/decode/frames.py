"""The interface of decoding: frames of a recording, made to fit the clip's size, by the back-end of its codec.

Legend: C colours, T frames, H height, W width; RGB uint8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from cosmos_recipes.data.decode import pyav
from cosmos_recipes.data.decode.choice import BackendName
from cosmos_recipes.data.decode.fitting import fitting
from cosmos_recipes.data.probe import Probe
from cosmos_recipes.diagnostics import RecipeError


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

    PyAV reads codecs that the plan did not see, and what DALI refuses (its hardware has least and largest sizes):
    the two give the same frames.

    Raises:
        RecipeError: a frame is missing or damaged (CR512).
    """
    fit = fitting(probe, height_px=height_px, width_px=width_px)
    if backends.get(probe.codec) == "dali":
        from cosmos_recipes.data.decode import dali

        try:
            return dali.decode(path, probe, frames, fit).transpose(0, 1)
        except RecipeError:
            return pyav.decode(path, probe, frames, fit).transpose(0, 1)
    return pyav.decode(path, probe, frames, fit).transpose(0, 1)
