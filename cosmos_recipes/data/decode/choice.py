"""Which back-end decodes which codec, and why: decided by the compiler, without importing either."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal

from cosmos_recipes.diagnostics import Place, fail

BackendName = Literal["dali", "cpu"]
DALI_ON_CPU = frozenset(("vp8", "vp9", "mjpeg"))
"""NVIDIA removed the software decoders of all others in DALI 2.1.1."""
DALI_ON_GPU = DALI_ON_CPU | {"h264", "hevc", "av1", "mpeg4"}
SMALL_CODEC: Final = "h264"
"""Codec of videos that are written once more at the size of the clips."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A back-end for each codec, and the reason in words."""

    backends: dict[str, BackendName]
    reason: str


def choose_backends(
    requested: Literal["auto", "dali", "cpu"], codecs: Iterable[str], *, gpu: bool, place: Place | None = None
) -> Choice:
    """Return the back-end of each codec: as demanded, or with `auto` DALI wherever it can read the codec here.

    Raises:
        RecipeError: DALI is demanded and cannot be had (CR520).
    """
    names = sorted(codecs)
    if requested == "cpu":
        return Choice(backends=dict.fromkeys(names, "cpu"), reason="the recipe asks for the CPU decoder")
    device, readable = ("a GPU", DALI_ON_GPU) if gpu else ("a CPU", DALI_ON_CPU)
    installed = find_spec("nvidia") is not None and find_spec("nvidia.dali") is not None
    missing = [name for name in names if name not in readable]
    if requested == "dali" and (missing or not installed):
        reason = f"DALI cannot read {', '.join(missing)} on {device}" if installed else "DALI is not installed"
        fail(
            "CR520",
            f"the recipe demands DALI, but {reason}",
            place=place,
            expected=f"videos in {', '.join(sorted(readable))}",
            found=", ".join(names),
            hint="use `decode: auto`, or convert the videos",
        )
    if not installed:
        return Choice(backends=dict.fromkeys(names, "cpu"), reason="DALI is not installed: PyAV decodes")
    backends: dict[str, BackendName] = {name: "cpu" if name in missing else "dali" for name in names}
    told = [f"{name}: {'PyAV, as DALI cannot read it' if name in missing else 'DALI'} on {device}" for name in names]
    return Choice(backends=backends, reason="; ".join(told) or "no video was looked at")
