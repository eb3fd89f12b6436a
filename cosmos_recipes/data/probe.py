"""Looking into a video, packets and first frame alone: codec, size, colours, the time of every frame, key frames."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from cosmos_recipes.data.decode.opening import (
    as_media,
    described,
    fail_frames,
    open_video,
    reason,
    size_bytes,
    unreadable,
)
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Place, RecipeError, fail

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer

CODEC_NAMES = {"libdav1d": "av1", "libaom-av1": "av1", "libvpx-vp9": "vp9", "libvpx": "vp8"}
MATRICES = {1: "bt709", 9: "bt2020", 10: "bt2020"}
"""Matrix coefficients by their number in H.273; everything else, untagged videos included, is read as BT.601."""
FULL_RANGE = 2
FILES_HELD = 32
"""Files whose tables are kept, so that a file of many recordings is read once."""
_CLOCK = re.compile(r"(\d+):(\d+):(\d+\.?\d*)")
_VP8_SHOWN = 0x10
"""Bit of the first byte of a VP8 frame (RFC 6386, section 9.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What was found in a video, or in a stretch of one.

    `pts` are the times of the frames, in order of presentation, and `keyframes` those of the key frames, the one before
    the stretch included; both in units of the stream's time base, on the file's own clock. Height and width are as
    stored: the picture is shown turned by `rotation` degrees (0, 90, 180 or 270) counterclockwise, its pixels
    `pixel_aspect` times as wide as high.
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
        """Return the time of the last key frame up to a frame; None if what is before the first frame shown is needed."""
        position = bisect_right(self.keyframes, self.pts[frame])
        return self.keyframes[position - 1] if position else None


def codec_of(media: Media | Path) -> str | None:
    """Return the codec of a file's first video stream, or None if the file cannot be opened."""
    try:
        with open_video(as_media(media)) as container:
            return codec_name(container.streams.video[0])
    except RecipeError:
        return None


def codec_name(stream: VideoStream) -> str:
    """Return the plain name of a stream's codec."""
    name: str = stream.codec_context.name
    return CODEC_NAMES.get(name, name)


def probe(media: Media | Path) -> Probe:
    """Return what is in a video, from its packets and its first frame; of a stretch, what is in that part of its time.

    A frame belongs to a stretch that begins or ends up to half a frame later: times are rounded. A file with many
    stretches is read once.

    Raises:
        RecipeError: it cannot be read (CR510, CR511, CR572), a part of it is missing or damaged (CR512), or the stretch
            has no frames (CR570) or goes beyond the video (CR571).
    """
    media = as_media(media)
    found = _file(media)
    return found.probe if media.start_s is None and media.end_s is None else _stretch(media, found)


class _File(NamedTuple):
    """A whole video; a frame lasts `interval_s`, the last one until `end_s`."""

    probe: Probe
    interval_s: float
    end_s: float


class _Look:
    """What is in a file, or the reason that it cannot be used, found once however many threads ask."""

    def __init__(self, media: Media) -> None:
        self._media, self._lock = media, Lock()
        self._found: _File | RecipeError | None = None

    def found(self) -> _File:
        with self._lock:
            if self._found is None:
                try:
                    self._found = _look(self._media)
                except RecipeError as error:
                    self._found = error
        if isinstance(self._found, RecipeError):
            raise RecipeError(*self._found.problems)
        return self._found


def _file(media: Media) -> _File:
    try:
        at = media.path.stat()
    except (OSError, ValueError):
        return _look(media)
    return _looks(replace(media, start_s=None, end_s=None), at.st_mtime_ns, at.st_size).found()


@lru_cache(maxsize=FILES_HELD)
def _looks(media: Media, changed_ns: int, file_bytes: int) -> _Look:
    """Return the look at a file as it was at that time."""
    return _Look(media)


def _look(media: Media) -> _File:
    from av.error import FFmpegError

    with open_video(media) as container:
        stream = container.streams.video[0]
        try:
            packets, first = _read(container)
        except (FFmpegError, OSError, ValueError) as error:
            raise RecipeError(unreadable(media, reason(error))) from error
        if first is None:
            fail_frames(media, "no frame that can be decoded")
        reordered = container.format.name == "avi" and stream.codec_context.has_b_frames
        if reordered or any(packet.pts is None for packet in packets):
            fail_frames(media, "frames that do not say when they are shown", hint="convert it to mp4 or mkv")
        _require_whole(media, container, packets)
        pts = sorted({packet.pts for packet in packets if packet.pts is not None and packet.is_shown})
        if not pts:
            fail_frames(media, "no frame that is shown")
        keys = {packet.pts for packet in packets if packet.is_key}
        probe = Probe(
            codec=codec_name(stream),
            height_px=first.height,
            width_px=first.width,
            pts=tuple(pts),
            keyframes=tuple(own for own in pts if own in keys),
            seconds_per_pts=float(stream.time_base or 0),
            color_matrix=MATRICES.get(int(first.colorspace), "bt601"),
            full_range=int(first.color_range) == FULL_RANGE,
            rotation=first.rotation % 360,
            pixel_aspect=float(stream.sample_aspect_ratio or 1),
        )
        interval_s = median([after - before for before, after in pairwise(pts)] or [0]) * probe.seconds_per_pts
        # Containers often hold no duration of the last frame, or a wrong one.
        held_s = next(packet.duration for packet in packets if packet.pts == pts[-1]) * probe.seconds_per_pts
        return _File(probe, interval_s, pts[-1] * probe.seconds_per_pts + max(held_s, interval_s))


def _stretch(media: Media, file: _File) -> Probe:
    """Return the part of what is in a file that lies in the stretch."""
    whole, half_s = file.probe, file.interval_s / 2
    first_s, last_s = whole.pts[0] * whole.seconds_per_pts, file.end_s
    start_s = first_s if media.start_s is None else media.start_s
    end_s = last_s if media.end_s is None else media.end_s
    first, last = (bisect_left(whole.pts, (at_s - half_s) / whole.seconds_per_pts) for at_s in (start_s, end_s))
    first, last = (0 if media.start_s is None else first), (len(whole.pts) if media.end_s is None else last)
    place, there = Place(file=str(media.path)), f"frames from {first_s:.2f} to {last_s:.2f} s"
    if not (start_s < end_s and first < last):
        fail(
            "CR570",
            f"no frame lies in {described(media)}",
            place=place,
            expected="a stretch of the video's time",
            found=there,
            hint="correct its start and end, in seconds",
        )
    # Times count from the first frame: one that is late would move all rows of values against the frames.
    begin_s = whole.pts[first] * whole.seconds_per_pts
    late = start_s >= first_s and begin_s - start_s > 3 * half_s
    if late or start_s < first_s - half_s or end_s > last_s + half_s:
        fail(
            "CR571",
            f"a part of {described(media)} is missing",
            place=place,
            expected="a stretch that lies within the video",
            found=f"its first frame at {begin_s:.2f} s" if late else there,
            hint="copy the file again, or correct the start and end",
        )
    pts = whole.pts[first:last]
    keys = slice(max(0, bisect_right(whole.keyframes, pts[0]) - 1), bisect_right(whole.keyframes, pts[-1]))
    return replace(whole, pts=pts, keyframes=whole.keyframes[keys])


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
            packets.append(_Packet(packet.pts, packet.duration or 0, packet.is_keyframe, is_shown(packet), whole))
        if first is None:
            first = next(iter(packet.decode()), None)
    return packets, first


def is_shown(packet: Packet[VideoStream]) -> bool:
    """Return whether a frame comes out of it: a part that an edit list cuts off and VP8's golden frames give none."""
    hidden = packet.stream.codec_context.name in ("vp8", "libvpx") and not bytes(packet)[0] & _VP8_SHOWN
    return not (packet.is_discard or hidden)


def _require_whole(media: Media, container: InputContainer, packets: Sequence[_Packet]) -> None:
    """Compare what was read with what the file's own tables promise: one that was cut off often reads without an error."""
    stream = container.streams.video[0]
    promised_bytes, held_bytes = max((e.pos + e.size for e in stream.index_entries), default=0), size_bytes(media)
    if promised_bytes > held_bytes:
        raise RecipeError(unreadable(media, f"{held_bytes} of at least {promised_bytes} bytes"))
    if container.format.name == "avi" and stream.frames > len(packets):
        raise RecipeError(unreadable(media, f"{len(packets)} of {stream.frames} frames"))
    if not all(packet.is_whole for packet in packets):
        raise RecipeError(unreadable(media, "a frame that is not whole"))
    end_s, interval_s = _end_s(packets, float(stream.time_base or 0))
    if _promised_s(container) > end_s + 0.75 * interval_s:
        raise RecipeError(unreadable(media, f"{end_s:.2f} of {_promised_s(container):.2f} s"))


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
