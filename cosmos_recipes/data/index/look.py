"""Looking into one recording: is it what its contract says, can it be opened, and which clips does it give?

Legend: N clips, V views, T frames of a clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cosmos_recipes.data.binding.bind import Binding, BoundRecording
from cosmos_recipes.data.contract import breaches
from cosmos_recipes.data.index.windows import HOLE, ClipSpec, clip_windows
from cosmos_recipes.data.probe import Probe, probe
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.diagnostics import Place, Problem, RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Stage = Literal["found", "readable", "long-enough", "aligned"]
STAGES: tuple[Stage, ...] = ("found", "readable", "long-enough", "aligned")
"""How far a recording comes: readable is bound to its contract and opened, aligned has clips with all their values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What was seen; `part` is the number of its data set in a mixture. `frames_VT` and `columns` are of each clip; `uncovered` are clips whose values do not cover them."""

    recording: Recording
    part: int = 0
    bound: BoundRecording | None = None
    probes: tuple[Probe, ...] = ()
    stage: Stage = "found"
    frames_VT: tuple[NDArray[np.int32], ...] = ()
    columns: tuple[Mapping[str, Floats], ...] = ()
    uncovered: int = 0
    problems: tuple[Problem, ...] = ()


def look_into(recording: Recording, binding: Binding, clip: ClipSpec) -> Looked:
    """Return what a recording gives; nothing is raised about a recording."""
    bound: BoundRecording | None = None
    probes: tuple[Probe, ...] = ()
    try:
        bound = binding.bind(recording)
        probes = tuple(probe(media) for media in bound.views.values())
        rows_s = binding.rows_s(bound, np.asarray(probes[0].times_s))
        breach = _breach(bound, binding, probes, rows_s, clip)
    except RecipeError as error:
        return Looked(recording=recording, bound=bound, probes=probes, problems=error.problems)
    if breach:
        return Looked(recording=recording, bound=bound, probes=probes, problems=(breach,))
    return _cut(recording, bound, binding, probes, rows_s, clip)


def whole_recording(
    bound: BoundRecording, binding: Binding, probes: Sequence[Probe], rows_s: NDArray[np.float64], clip: ClipSpec
) -> dict[str, Floats]:
    """Return the columns of numbers over all rows of a recording, as if it were one clip with a frame at each row."""
    columns = binding.columns(
        bound, probes, frames_s_T=rows_s, rows_s=rows_s, height_px=clip.height_px, width_px=clip.width_px
    )
    return {name: array for name, array in columns.items() if array is not None}


def _breach(
    bound: BoundRecording, binding: Binding, probes: Sequence[Probe], rows_s: NDArray[np.float64], clip: ClipSpec
) -> Problem | None:
    numbers = whole_recording(bound, binding, probes, rows_s, clip)
    videos = dict.fromkeys(binding.schema.videos, bound.media.path)
    unseen = [name for name in binding.readers if name not in numbers]
    row = {**videos, **{name: text for name, text in bound.texts.items() if text}, **numbers}
    lengths = {"T": (len(rows_s), "the recording"), "S": (len(rows_s) - 1, "the recording")}
    wrong = list(breaches(binding.schema.without(unseen), row, known=lengths))
    if not bound.name.isprintable():
        wrong.append("its name holds characters that cannot be shown")
    if not wrong:
        return None
    return Problem(
        code="CR513",
        message=f"the recording {shown(bound.name)} breaks the contract",
        place=Place(file=shown(str(bound.media.path))),
        expected=f"what the schema `{binding.schema.name}` says",
        found="; ".join(wrong),
        hint="correct it, or remove the recording",
    )


def _cut(
    recording: Recording,
    bound: BoundRecording,
    binding: Binding,
    probes: tuple[Probe, ...],
    rows_s: NDArray[np.float64],
    clip: ClipSpec,
) -> Looked:
    windows_NVT = clip_windows(probes, clip)
    if not len(windows_NVT):
        problem = _too_short(bound, probes, clip)
        return Looked(recording=recording, bound=bound, probes=probes, stage="readable", problems=(problem,))
    times_s = np.asarray(probes[0].times_s)
    covered: list[tuple[NDArray[np.int32], dict[str, Floats]]] = []
    lacking = ""
    for frames_VT in windows_NVT:
        columns: Mapping[str, Floats | None] = {"video": None}
        if (frames_VT != HOLE).all():
            columns = binding.columns(
                bound,
                probes,
                frames_s_T=times_s[frames_VT[0]],
                rows_s=rows_s,
                height_px=clip.height_px,
                width_px=clip.width_px,
            )
        whole = {name: array for name, array in columns.items() if array is not None}
        if len(whole) == len(columns):
            covered.append((frames_VT, whole))
        else:
            lacking = lacking or next(name for name, array in columns.items() if array is None)
    return Looked(
        recording=recording,
        bound=bound,
        probes=probes,
        stage="aligned" if covered else "long-enough",
        frames_VT=tuple(frames_VT for frames_VT, _ in covered),
        columns=tuple(columns for _, columns in covered),
        uncovered=len(windows_NVT) - len(covered),
        problems=() if covered else (_unaligned(bound, lacking, rows_s, times_s),),
    )


def _too_short(bound: BoundRecording, probes: Sequence[Probe], clip: ClipSpec) -> Problem:
    found = min(probes, key=lambda each: each.times_s[-1])
    seconds = found.times_s[-1]
    rate_hz = (len(found.pts) - 1) / seconds if seconds else 0.0
    return Problem(
        code="CR505",
        message=f"the video {bound.name} is too short or too slow for a clip",
        place=Place(file=str(bound.media.path)),
        expected=f"{clip.frames} frames at {clip.rate_hz:g} Hz, which is {(clip.frames - 1) / clip.rate_hz:g} s",
        found=f"{len(found.pts)} frames at {rate_hz:.3g} Hz, which is {seconds:.3g} s",
        hint="use shorter clips or a lower rate, or remove the video",
    )


def _unaligned(
    bound: BoundRecording, column: str, rows_s: NDArray[np.float64], times_s: NDArray[np.float64]
) -> Problem:
    rows = f"rows from {rows_s[0]:.3g} to {rows_s[-1]:.3g} s" if len(rows_s) else "no rows"
    return Problem(
        code="CR523",
        message=f"no clip of the recording {bound.name} has all its values of `{column}`",
        place=Place(file=str(bound.media.path)),
        expected="rows and frames at least as often as those of the clip, from its first frame to what it needs last",
        found=f"{rows}, and frames from 0 to {times_s[-1]:.3g} s",
        hint="use a lower rate, or fewer frames or points to come; or leave the recording out",
    )


def shown(text: str) -> str:
    """Return a text that can be shown."""
    return text if text.isprintable() else ascii(text)[1:-1]
