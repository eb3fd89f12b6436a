"""The frames that a video begins from: decoded, fitted and taken at the model's rate, as in training.

Legend: V views, C colours, T frames, H height, W width; uint8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cosmos_recipes.data.index.windows import HOLE, ClipSpec, clip_windows
from cosmos_recipes.data.recording import Media
from cosmos_recipes.data.sources.base import VIDEO_SUFFIXES
from cosmos_recipes.data.sources.pictures import PICTURE_SUFFIXES, write_pictures
from cosmos_recipes.data.sources.transforms import in_natural_order
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.run.sampling.request import SampleRequest

if TYPE_CHECKING:
    from torch import Tensor

    from cosmos_recipes.data.decode.fitting import Fitted
    from cosmos_recipes.data.probe import Probe

ONE_VIEW = "video"


@dataclass(frozen=True, kw_only=True)
class GivenFrames:
    """`video_BCTHW` of one clip, its views one after the other; where it is from, and how its pictures were fitted."""

    media: Mapping[str, Media]
    probes: Sequence[Probe]
    fits: Sequence[Fitted]
    video_BCTHW: Tensor


def read_given(
    request: SampleRequest, views: Sequence[str], clip: ClipSpec, *, fewest: int, folder: Path
) -> GivenFrames:
    """Return the given frames; pictures become a video in `folder`. A clip has as many frames as are to be given.

    Raises:
        RecipeError: a view is missing, or has too few frames (CR263), or cannot be read (CR51x, CR557).
    """
    from cosmos_recipes.data.decode.fitting import fitting
    from cosmos_recipes.data.decode.frames import View, decode
    from cosmos_recipes.data.probe import probe

    paths = _paths(request, views)
    media = {view: Media(path=_video(path, folder / f"{n}.mkv", clip)) for n, (view, path) in enumerate(paths.items())}
    probes = [probe(each) for each in media.values()]
    windows = _windows(probes, list(paths.values()), clip, last=request.last, fewest=fewest)
    seen = [View(media=each, probe=found) for each, found in zip(media.values(), probes, strict=True)]
    video_VCTHW = decode(seen, windows, backends={}, height_px=clip.height_px, width_px=clip.width_px)
    return GivenFrames(
        media=media,
        probes=probes,
        fits=[fitting(each, height_px=clip.height_px, width_px=clip.width_px) for each in probes],
        video_BCTHW=video_VCTHW.transpose(0, 1).flatten(1, 2)[None],
    )


def _paths(request: SampleRequest, views: Sequence[str]) -> dict[str, Path]:
    """Return the input of each view, in the model's order."""
    if not views:
        if request.views or request.frames is None:
            _fail(
                "the model sees one camera",
                expected="`--frames` with a video, a picture or a folder of pictures",
                found=_asked(request),
            )
        return {ONE_VIEW: request.frames}
    if request.frames is not None:
        _fail("the model sees several cameras", expected=_options(views), found=_asked(request))
    unknown = [name for name in request.views if name not in views]
    missing = [name for name in views if name not in request.views]
    if unknown or missing:
        close = nearest(unknown[0], views) if unknown else None
        message = f"the model has no view `{unknown[0]}`" if unknown else f"the view `{missing[0]}` is missing"
        _fail(
            message, expected=_options(views), found=_asked(request), hint=f"did you mean `{close}`?" if close else ""
        )
    return {name: request.views[name] for name in views}


def _asked(request: SampleRequest) -> str:
    return listed([*(["--frames"] if request.frames else []), *(f"--view {name}=…" for name in request.views)], "and")


def _options(views: Sequence[str]) -> str:
    return " ".join(f"--view {name}=…" for name in views)


def _video(path: Path, made: Path, clip: ClipSpec) -> Path:
    """Return the video at a path; a picture or a folder of them is made one, at the model's rate."""
    if path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES:
        return path
    inside = path.iterdir() if path.is_dir() else [path] if path.is_file() else []
    pictures = sorted((each for each in inside if each.suffix.lower() in PICTURE_SUFFIXES), key=in_natural_order)
    if not pictures:
        found = "no picture in the folder" if path.is_dir() else "another file" if path.exists() else "nothing"
        expected = "a video, a picture or a folder of pictures"
        _fail(f"there are no frames at {path}", expected=expected, found=found, place=path)
    write_pictures(made, pictures, rate_hz=clip.rate_hz, done=lambda number: None)
    return made


def _windows(
    probes: Sequence[Probe], paths: Sequence[Path], clip: ClipSpec, *, last: bool, fewest: int
) -> list[list[int]]:
    """Return the numbers of the frames that are taken of each view."""
    if clip.frames == 1 and not last:
        return [[0] for _ in probes]
    if all(len(each.pts) == 1 for each in probes) and clip.frames == 1:
        return [[0] for _ in probes]
    frames_NVT = clip_windows(probes, clip)
    whole_NVT = frames_NVT[(frames_NVT != HOLE).all(axis=(1, 2))]
    if len(whole_NVT):
        chosen: list[list[int]] = whole_NVT[-1 if last else 0].tolist()
        return chosen
    raise RecipeError(*(_too_few(each, path, clip, fewest) for each, path in zip(probes, paths, strict=True)))


def _too_few(probe: Probe, path: Path, clip: ClipSpec, fewest: int) -> Problem:
    seconds = probe.times_s[-1]
    rate_hz = (len(probe.pts) - 1) / seconds if seconds else 0.0
    fewer = f"the model also begins from fewer: `--given {fewest}`" if fewest < clip.frames else ""
    return Problem(
        code="CR263",
        message=f"{path.name} has too few frames, or too few in a second",
        place=Place(file=str(path)),
        expected=f"{clip.frames} frames at {clip.rate_hz:g} Hz",
        found=f"{len(probe.pts)} frames at {rate_hz:.3g} Hz" if rate_hz else "1 frame",
        hint=fewer or "give a longer video",
    )


def _fail(message: str, *, expected: str, found: str, hint: str = "", place: Path | None = None) -> NoReturn:
    where = Place(file=str(place)) if place else None
    fail("CR263", message, place=where, expected=expected, found=found, hint=hint)
