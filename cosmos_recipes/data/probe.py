"""Looking into a video without decoding it: codec, size, colours, the time of every frame and which are key frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail

CODEC_NAMES = {"libdav1d": "av1", "libvpx-vp9": "vp9", "libaom-av1": "av1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What was found in a video. `pts` are in units of the stream's time base, in order of presentation."""

    codec: str
    height_px: int
    width_px: int
    pts: tuple[int, ...]
    keyframes: tuple[int, ...]
    seconds_per_pts: float
    color_matrix: str
    full_range: bool

    @property
    def times_s(self) -> list[float]:
        """Seconds from the first frame to each frame."""
        return [(pts - self.pts[0]) * self.seconds_per_pts for pts in self.pts]


def codec_of(path: Path) -> str | None:
    """Return the codec of a file's first video stream, or None if the file cannot be opened."""
    try:
        with open_video(path) as container:
            return codec_name(container.streams.video[0])
    except RecipeError:
        return None


def codec_name(stream: Any) -> str:
    """Return the plain name of a stream's codec."""
    name: str = stream.codec_context.name
    return CODEC_NAMES.get(name, name)


def open_video(path: Path) -> Any:
    """Return the open container.

    Raises:
        RecipeError: the file is not a video that can be read (CR510), or has no frames in it (CR511).
    """
    import av

    try:
        container = av.open(str(path))
    except (OSError, ValueError) as error:
        fail("CR510", f"the video {path.name} cannot be opened", place=Place(file=str(path)), found=_reason(error), hint="is the file complete? copy it again, or remove it")
    if not container.streams.video:
        container.close()
        fail("CR511", f"{path.name} has no video stream", place=Place(file=str(path)), hint="remove it from the folder")
    return container


def probe(path: Path) -> Probe:
    """Return what is in a video, from its packets alone.

    Raises:
        RecipeError: it cannot be read.
    """
    with open_video(path) as container:
        stream = container.streams.video[0]
        try:
            packets = [(p.pts, p.is_keyframe) for p in container.demux(stream) if p.pts is not None and p.size and not p.is_discard]
        except (OSError, ValueError) as error:
            raise RecipeError(unreadable(path, _reason(error))) from error
        context = stream.codec_context
        ordered = sorted(packets)
        if not ordered or not context.width:
            fail("CR511", f"{path.name} has no frames", place=Place(file=str(path)), hint="remove it from the folder")
        return Probe(
            codec=codec_name(stream),
            height_px=context.height,
            width_px=context.width,
            pts=tuple(pts for pts, _ in ordered),
            keyframes=tuple(index for index, (_, key) in enumerate(ordered) if key),
            seconds_per_pts=float(stream.time_base),
            color_matrix="bt709" if int(context.colorspace) == 1 else "bt601",
            full_range=int(context.color_range) == 2,
        )


def unreadable(path: Path, reason: str) -> Problem:
    """Return the problem of a video that breaks off while it is read."""
    return Problem(code="CR512", message=f"the video {path.name} is damaged", place=Place(file=str(path)), expected="a video that decodes to its end", found=reason, hint="copy it again, or remove it")


def _reason(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error)).strip().lower()
