"""The packets that frames of a video need, found without decoding any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cosmos_recipes.data.decode.opening import open_video
from cosmos_recipes.data.probe import Probe
from cosmos_recipes.data.recording import Media

if TYPE_CHECKING:
    from av import Packet, VideoStream
    from av.container import InputContainer

MOST_REORDERED = 16
"""Frames that may be stored before a frame that is shown earlier, in any codec."""


def needed_packets(
    media: Media, probe: Probe, frames: Sequence[int], *, known: bool = False
) -> Iterator[Packet[VideoStream] | None]:
    """Yield packets, as they are stored, from the key frame before the first of these frames to the last of them.

    At the end None tells a decoder to give what it still holds; the video stays open until then. A frame whose packet
    is missing is left out. `known` as in `open_video`.
    """
    key = probe.key_before(frames[0])
    wanted: set[int | None] = {probe.pts[frame] for frame in frames}
    for start in _starts(probe, key):
        with open_video(media, known=known) as container:
            if start is not None:
                container.seek(start, stream=container.streams.video[0], backward=True)
            packets = _from_key(container, key)
            first = next(packets, None)
            if first is not None:
                yield first
                yield from _until(packets, wanted - {first.pts})
                yield None
                return


def _starts(probe: Probe, key: int | None) -> tuple[int | None, ...]:
    """Return where to seek in turn: containers look for the time that frames are stored at, which may be earlier."""
    if key is None:
        return (None,)
    interval = (probe.pts[-1] - probe.pts[0]) / max(1, len(probe.pts) - 1)
    return key, key - round(MOST_REORDERED * interval), None


def _from_key(container: InputContainer, key: int | None) -> Iterator[Packet[VideoStream]]:
    """Yield packets from the key frame at the time `key` on, from the first one if None; nothing if it was passed."""
    begun = key is None
    for packet in container.demux(video=0):
        if packet.pts is None or not packet.size:
            continue
        if not begun and packet.is_keyframe and packet.pts > (key or 0):
            return
        begun = begun or packet.pts == key
        # Pictures shown before the key frame but stored after it cannot be decoded without what is before it.
        if begun and (key is None or packet.pts >= key):
            yield packet


def _until(packets: Iterator[Packet[VideoStream]], left: set[int | None]) -> Iterator[Packet[VideoStream]]:
    while left:
        packet = next(packets, None)
        if packet is None:
            return
        left.discard(packet.pts)
        yield packet
