"""Looking into a video, packets and first frame alone: codec, size, colours, the time of every frame, key frames."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

CODEC_NAMES = {"libdav1d": "av1", "libaom-av1": "av1", "libvpx-vp9": "vp9", "libvpx": "vp8"}
MATRICES = {1: "bt709", 9: "bt2020", 10: "bt2020"}
"""Matrix coefficients by their number in H.273; everything else, untagged videos included, is read as BT.601."""
FULL_RANGE = 2
_CLOCK = re.compile(r"(\d+):(\d+):(\d+\.?\d*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What was found in a video. `pts` are in units of the stream's time base, in order of presentation.

    Height and width are as stored: the picture is shown turned by `rotation` degrees (0, 90, 180 or 270)
    counterclockwise, its pixels `pixel_aspect` times as wide as high.
    """

    codec: str
    height_px: int
    width_px: int
    pts: tuple[int, ...]
    keyframes: tuple[int, ...]
    seconds_per_pts: float
    color_matrix: str
    full_range: bool
    rotation: int = 0
    pixel_aspect: float = 1.0

    @property
    def times_s(self) -> list[float]:
        """Seconds from the first frame to each frame."""
        return [(pts - self.pts[0]) * self.seconds_per_pts for pts in self.pts]

    def key_before(self, frame: int) -> int | None:
        """Return the last key frame up to `frame`; None if what comes before the first frame shown is needed."""
        return max((key for key in self.keyframes if key <= frame), default=None)


def codec_of(path: Path) -> str | None:
    """Return the codec of a file's first video stream, or None if the file cannot be opened."""
    try:
        with open_video(path) as container:
            return codec_name(container.streams.video[0])
    except RecipeError:
        return None


def codec_name(stream: VideoStream) -> str:
    """Return the plain name of a stream's codec."""
    name: str = stream.codec_context.name
    return CODEC_NAMES.get(name, name)


def open_video(path: Path) -> InputContainer:
    """Return the open container, its decoder set to one thread: files are read side by side instead.

    Raises:
        RecipeError: the file is not a video that can be read (CR510), or has no frames in it (CR511).
    """
    import av
    from av.error import FFmpegError

    try:
        container = av.open(str(path))
    except (FFmpegError, OSError, ValueError) as error:
        fail(
            "CR510",
            f"the video {path.name} cannot be opened",
            place=Place(file=str(path)),
            expected="a whole video file",
            found=reason(error),
            hint="copy it again, or remove it",
        )
    if not container.streams.video:
        container.close()
        _fail_frames(path, "no video stream")
    context = getattr(container.streams.video[0], "codec_context", None)
    if context is None:
        container.close()
        _fail_frames(path, "a codec that is not known")
    context.thread_type, context.thread_count = "NONE", 1
    return container


def probe(path: Path) -> Probe:
    """Return what is in a video, from its packets and its first frame.

    Raises:
        RecipeError: it cannot be read (CR510, CR511), or a part of it is missing or damaged (CR512).
    """
    from av.error import FFmpegError

    with open_video(path) as container:
        stream = container.streams.video[0]
        try:
            packets, first = _read(container)
        except (FFmpegError, OSError, ValueError) as error:
            raise RecipeError(unreadable(path, reason(error))) from error
        if first is None:
            _fail_frames(path, "no frame that can be decoded")
        reordered = container.format.name == "avi" and stream.codec_context.has_b_frames
        if reordered or any(packet.pts is None for packet in packets):
            _fail_frames(path, "frames that do not say when they are shown", hint="convert it to mp4 or mkv")
        _require_whole(path, container, packets)
        keys = {packet.pts for packet in packets if packet.is_key}
        pts = sorted({packet.pts for packet in packets if packet.pts is not None and packet.is_shown})
        return Probe(
            codec=codec_name(stream),
            height_px=first.height,
            width_px=first.width,
            pts=tuple(pts),
            keyframes=tuple(position for position, own in enumerate(pts) if own in keys),
            seconds_per_pts=float(stream.time_base or 0),
            color_matrix=MATRICES.get(int(first.colorspace), "bt601"),
            full_range=int(first.color_range) == FULL_RANGE,
            rotation=first.rotation % 360,
            pixel_aspect=float(stream.sample_aspect_ratio or 1),
        )


def unreadable(path: Path, found: str) -> Problem:
    """Return the problem of a video of which a part is missing or damaged."""
    return Problem(
        code="CR512",
        message=f"the video {path.name} is damaged",
        place=Place(file=str(path)),
        expected="a video that decodes to its end",
        found=found,
        hint="copy it again, or remove it",
    )


def reason(error: BaseException) -> str:
    """Return what a library says was wrong, in a few words."""
    told = getattr(error, "strerror", None) or str(error)
    return next((line.strip() for line in str(told).splitlines() if line.strip()), "unknown").lower()


def _fail_frames(path: Path, found: str, hint: str = "remove it from the folder") -> NoReturn:
    fail(
        "CR511",
        f"no frames can be taken from {path.name}",
        place=Place(file=str(path)),
        expected="a video stream with the time of every frame",
        found=found,
        hint=hint,
    )


class _Packet(NamedTuple):
    pts: int | None
    duration: int
    is_key: bool
    is_shown: bool
    is_whole: bool


def _read(container: InputContainer) -> tuple[list[_Packet], VideoFrame | None]:
    """Return every packet of the video stream, and its first frame; nothing after that one is decoded."""
    packets: list[_Packet] = []
    first: VideoFrame | None = None
    for packet in container.demux(video=0):
        if packet.size:
            whole = not packet.is_corrupt
            packets.append(_Packet(packet.pts, packet.duration or 0, packet.is_keyframe, not packet.is_discard, whole))
        if first is None:
            first = next(iter(packet.decode()), None)
    return packets, first


def _require_whole(path: Path, container: InputContainer, packets: Sequence[_Packet]) -> None:
    """Compare what was read with what the file's own tables promise: one that was cut off often reads without an error."""
    stream = container.streams.video[0]
    promised_bytes, size_bytes = max((e.pos + e.size for e in stream.index_entries), default=0), path.stat().st_size
    if promised_bytes > size_bytes:
        raise RecipeError(unreadable(path, f"{size_bytes} of at least {promised_bytes} bytes"))
    if container.format.name == "avi" and stream.frames > len(packets):
        raise RecipeError(unreadable(path, f"{len(packets)} of {stream.frames} frames"))
    if not all(packet.is_whole for packet in packets):
        raise RecipeError(unreadable(path, "a frame that is not whole"))
    end_s, interval_s = _end_s(packets, float(stream.time_base or 0))
    if _promised_s(container) > end_s + 0.75 * interval_s:
        raise RecipeError(unreadable(path, f"{end_s:.2f} of {_promised_s(container):.2f} s"))


def _end_s(packets: Sequence[_Packet], seconds_per_pts: float) -> tuple[float, float]:
    """Return when the last frame ends, and how long a frame lasts on average."""
    times = [packet.pts or 0 for packet in packets]
    interval = (max(times) - min(times)) / max(1, len(times) - 1)
    end = max(time + (packet.duration or interval) for time, packet in zip(times, packets, strict=True))
    return end * seconds_per_pts, interval * seconds_per_pts


def _promised_s(container: InputContainer) -> float:
    """Return the length that a Matroska file says its video has; 0 if it does not, or is of another kind."""
    if "matroska" not in container.format.name:
        return 0.0
    told = _CLOCK.fullmatch(container.streams.video[0].metadata.get("DURATION", ""))
    if told:
        return 3600 * int(told[1]) + 60 * int(told[2]) + float(told[3])
    alone = len(container.streams) == 1
    return (container.duration or 0) / 1e6 if alone else 0.0
