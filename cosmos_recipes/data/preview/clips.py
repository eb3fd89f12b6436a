"""Clips to look at: bound, cut, decoded and brought into canonical form as for training.

Legend: V views, T frames of the clip, H height, W width, C colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import Declared
from cosmos_recipes.data.contract import Column, Convention
from cosmos_recipes.data.index import ClipSpec
from cosmos_recipes.data.index.look import Looked, look_into
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Problem, RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MOST_FAILURES = 20
"""Recordings without a clip, for each that has one and one more, after which no more are tried."""


@dataclass(frozen=True, kw_only=True)
class PreviewClip:
    """A clip as the model gets it: pictures, texts, and columns of numbers in canonical form, not normalised.

    `times_s_T` are seconds from the begin of the recording. `ego_to_camera_44` takes points of the vehicle to the first
    view's camera, both at the first frame, where the data set says how cameras are mounted.
    """

    recording: str
    views: tuple[str, ...]
    video_VTHWC: NDArray[np.uint8]
    times_s_T: Array
    texts: Mapping[str, str]
    declared: Mapping[str, Declared]
    columns: Mapping[str, NDArray[np.float32]]
    ego_to_camera_44: Array | None = None

    @property
    def title(self) -> str:
        """Which recording, and from when."""
        return f"{self.recording}, from {self.times_s_T[0]:.2f} s"

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.times_s_T)

    def column(self, name: str) -> Column:
        """Return what the contract says of a column."""
        return self.declared[name].column

    def per_view(self, convention: Convention) -> Array | None:
        """Return the first column of a convention, with an axis of views; None if there is none."""
        for name, values in self.columns.items():
            if self.column(name).convention == convention:
                return np.asarray(values if self.column(name).is_per_view else values[None], np.float64)
        return None


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Clips, and why some recordings gave none."""

    clips: tuple[PreviewClip, ...]
    problems: tuple[Problem, ...]


def choose_clips(
    recordings: Sequence[Recording], binding: Binding, clip: ClipSpec, *, count: int, seed: int, progress: Progress
) -> Chosen:
    """Return clips at random, the same for the same seed: of as many recordings as there are, or several of each.

    Raises:
        RecipeError: not one recording gives a clip (CR575, and the problems of those that were tried).
    """
    clips: list[PreviewClip] = []
    problems: list[Problem] = []
    for looked, number in _at_random(recordings, binding, clip, seed):
        progress("reading the clips", len(clips), count)
        try:
            clips += [] if number is None else [_decoded(looked, number, binding, clip)]
            problems += looked.problems if number is None else ()
        except RecipeError as error:
            problems += error.problems
        if len(clips) == count or len(problems) >= MOST_FAILURES * (1 + len(clips)):
            break
    if not clips:
        tried = "" if len(recordings) <= MOST_FAILURES else f"{MOST_FAILURES} tried of "
        told = f"not one of {tried}{len(recordings)} recordings gives a clip"
        hint = "see the problems of the recordings below, or look through a shorter window with `--frames`"
        raise RecipeError(Problem(code="CR575", message=told, expected=_window(clip), hint=hint), *problems)
    return Chosen(clips=tuple(clips), problems=tuple(problems))


def _window(clip: ClipSpec) -> str:
    return f"{clip.frames} frames at {clip.rate_hz:g} Hz, {clip.height_px}x{clip.width_px} pixels"


def _at_random(
    recordings: Sequence[Recording], binding: Binding, clip: ClipSpec, seed: int
) -> Iterator[tuple[Looked, int | None]]:
    """Yield recordings with the number of one of their clips, or None for one that has none; then again with others."""
    rng = np.random.default_rng(seed)
    rest: list[tuple[Looked, list[int]]] = []
    for number in rng.permutation(len(recordings)).tolist():
        looked = look_into(recordings[number], binding, clip)
        order = rng.permutation(len(looked.frames_VT)).tolist()
        yield looked, order[0] if order else None
        rest.append((looked, order[1:]))
    for turn in range(max((len(order) for _, order in rest), default=0)):
        yield from ((looked, order[turn]) for looked, order in rest if turn < len(order))


def _decoded(looked: Looked, number: int, binding: Binding, clip: ClipSpec) -> PreviewClip:
    """Return a clip with its pictures, which PyAV decodes: DALI gives the same."""
    from cosmos_recipes.data.decode.frames import View, decode

    assert looked.bound is not None
    bound, frames_VT = looked.bound, looked.frames_VT[number]
    views = [View(media=media, probe=found) for media, found in zip(bound.views.values(), looked.probes, strict=True)]
    video_VCTHW = decode(views, frames_VT.tolist(), height_px=clip.height_px, width_px=clip.width_px, backends={})
    frames_s = np.asarray(looked.probes[0].times_s)
    return PreviewClip(
        recording=bound.name,
        views=tuple(bound.views),
        video_VTHWC=video_VCTHW.permute(0, 2, 3, 4, 1).contiguous().numpy(),
        times_s_T=frames_s[frames_VT[0]],
        texts=bound.texts,
        declared=binding.declaration.numbers,
        columns=looked.columns[number],
        ego_to_camera_44=binding.ego_to_camera(
            bound, binding.rows_s(bound, frames_s), at_s=float(frames_s[frames_VT[0][0]])
        ),
    )
