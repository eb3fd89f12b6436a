"""The columns of one clip, as tests look at them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.data.binding.bind import Binding, BoundRecording
from cosmos_recipes.data.binding.window import Windows
from cosmos_recipes.data.probe import Probe

Array = NDArray[np.float64]


def columns_of(
    binding: Binding,
    bound: BoundRecording,
    probes: Sequence[Probe],
    *,
    frames_s_T: Array,
    rows_s: Array,
    height_px: int,
    width_px: int,
) -> dict[str, np.ndarray | None]:
    """Return the columns of a clip with frames at these moments; None for one that does not cover them."""
    windows = Windows.of(
        probes,
        moments_s=frames_s_T,
        frames_NT=np.arange(len(frames_s_T))[None],
        rows_s=rows_s,
        height_px=height_px,
        width_px=width_px,
    )
    covers = {name: bool(covers_N[0]) for name, covers_N in binding.covers(bound, windows).items()}
    known = binding.clips(bound, windows, [name for name, is_covered in covers.items() if is_covered])
    return {name: known[name][0] if name in known else None for name in covers}
