"""Looking into one recording: is it what its contract says, can it be opened, and which clips does it give?

Legend: N clips, V views, T frames of a clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from cosmos_recipes.data.binding.bind import Binding, BoundRecording
from cosmos_recipes.data.binding.window import Windows
from cosmos_recipes.data.contract import breaches
from cosmos_recipes.data.index.windows import HOLE, ClipSpec, clip_windows
from cosmos_recipes.data.probe import Probe, probe
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.diagnostics import Place, Problem, RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Moments = NDArray[np.float64]

Stage = Literal["found", "readable", "long-enough", "aligned"]
STAGES: tuple[Stage, ...] = ("found", "readable", "long-enough", "aligned")
"""How far a recording comes: readable is bound to its contract and opened, aligned has clips with all their values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A recording that is bound to its contract and opened, or the problems that stop it.

    `times_s` are the moments of the first view's frames, `rows_s` those of the rows of values, and `whole` the columns
    of numbers over all rows, as if it were one clip with a frame at each row.
    """

    recording: Recording
    bound: BoundRecording | None = None
    probes: tuple[Probe, ...] = ()
    times_s: Moments = field(default_factory=lambda: np.empty(0))
    rows_s: Moments = field(default_factory=lambda: np.empty(0))
    whole: Mapping[str, Floats] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """How far a recording comes, the frames of its clips whose values are all known, and how many are `uncovered`."""

    stage: Stage
    frames_NVT: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0, 0), np.int32))
    uncovered: int = 0
    problems: tuple[Problem, ...] = ()


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
    """Return what a recording gives, with the numbers of each clip; nothing is raised about a recording."""
    opened = open_recording(recording, binding, clip)
    found = cut(opened, binding, clip)
    columns = numbers_of(opened, found.frames_NVT, binding, clip)
    return Looked(
        recording=recording,
        bound=opened.bound,
        probes=opened.probes,
        stage=found.stage,
        frames_VT=tuple(found.frames_NVT),
        columns=tuple(
            {name: array[number] for name, array in columns.items()} for number in range(len(found.frames_NVT))
        ),
        uncovered=found.uncovered,
        problems=found.problems,
    )


def open_recording(recording: Recording, binding: Binding, clip: ClipSpec) -> Opened:
    """Return a recording bound and opened, or what stops it; nothing is raised about it."""
    opened = Opened(recording=recording)
    try:
        bound = binding.bind(recording)
        opened = replace(opened, bound=bound)
        opened = replace(opened, probes=tuple(probe(media) for media in bound.views.values()))
        times_s = np.asarray(opened.probes[0].times_s)
        opened = replace(opened, times_s=times_s, rows_s=binding.rows_s(bound, times_s))
        opened = replace(opened, whole=_whole(opened, bound, binding, clip))
    except RecipeError as error:
        return replace(opened, problems=error.problems)
    return replace(opened, problems=_breaches(opened, bound, binding))


def cut(opened: Opened, binding: Binding, clip: ClipSpec) -> Cut:
    """Return the clips of a recording whose values are all known; none where something stops it."""
    if opened.problems or opened.bound is None:
        return Cut(stage="found", problems=opened.problems)
    frames_NVT = clip_windows(opened.probes, clip)
    if not len(frames_NVT):
        return Cut(stage="readable", problems=(_too_short(opened.bound, opened.probes, clip),))
    seen_NVT = frames_NVT[(frames_NVT != HOLE).all(axis=(1, 2))]
    parts = [binding.covers(opened.bound, part) for part in _windows(opened, seen_NVT, clip).parts()]
    covers = {name: np.concatenate([part[name] for part in parts]) for name in binding.readers if parts}
    is_covered_N = np.all([np.ones(len(seen_NVT), np.bool_), *covers.values()], axis=0)
    problems: tuple[Problem, ...] = ()
    if not is_covered_N.any():
        lacking = next((name for name, covers_N in covers.items() if not covers_N[0]), "video")
        problems = (_unaligned(opened, opened.bound, lacking),)
    return Cut(
        stage="long-enough" if problems else "aligned",
        frames_NVT=seen_NVT[is_covered_N],
        uncovered=len(frames_NVT) - int(is_covered_N.sum()),
        problems=problems,
    )


def numbers_of(opened: Opened, frames_NVT: NDArray[np.int32], binding: Binding, clip: ClipSpec) -> dict[str, Floats]:
    """Return the columns of numbers (N, ...) of clips that were cut."""
    if not len(frames_NVT) or opened.bound is None:
        return {}
    parts = [binding.clips(opened.bound, part) for part in _windows(opened, frames_NVT, clip).parts()]
    return parts[0] if len(parts) == 1 else {name: np.concatenate([p[name] for p in parts]) for name in binding.readers}


def _windows(opened: Opened, frames_NVT: NDArray[np.int32], clip: ClipSpec) -> Windows:
    return Windows.of(
        opened.probes,
        moments_s=opened.times_s,
        frames_NT=frames_NVT[:, 0],
        rows_s=opened.rows_s,
        height_px=clip.height_px,
        width_px=clip.width_px,
    )


def _whole(opened: Opened, bound: BoundRecording, binding: Binding, clip: ClipSpec) -> dict[str, Floats]:
    """Return the columns of numbers over all rows, of those that cover them."""
    size = {"height_px": clip.height_px, "width_px": clip.width_px}
    one = Windows.whole(opened.probes, rows_s=opened.rows_s, **size)
    known = [name for name, covers_N in binding.covers(bound, one).items() if covers_N[0]]
    return {name: array[0] for name, array in binding.clips(bound, one, known).items()}


def _breaches(opened: Opened, bound: BoundRecording, binding: Binding) -> tuple[Problem, ...]:
    """Return how a recording breaks its contract, as one problem."""
    rows_s = opened.rows_s
    videos = dict.fromkeys(binding.schema.videos, bound.media.path)
    unseen = [name for name in binding.readers if name not in opened.whole]
    row = {**videos, **{name: text for name, text in bound.texts.items() if text}, **opened.whole}
    lengths = {"T": (len(rows_s), "the recording"), "S": (len(rows_s) - 1, "the recording")}
    wrong = list(breaches(binding.schema.without(unseen), row, known=lengths))
    if not bound.name.isprintable():
        wrong.append("its name holds characters that cannot be shown")
    if not wrong:
        return ()
    problem = Problem(
        code="CR513",
        message=f"the recording {shown(bound.name)} breaks the contract",
        place=Place(file=shown(str(bound.media.path))),
        expected=f"what the schema `{binding.schema.name}` says",
        found="; ".join(wrong),
        hint="correct it, or remove the recording",
    )
    return (problem,)


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


def _unaligned(opened: Opened, bound: BoundRecording, column: str) -> Problem:
    rows_s, times_s = opened.rows_s, opened.times_s
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
