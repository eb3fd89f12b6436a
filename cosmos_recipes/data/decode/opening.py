"""Opening a video wherever it lies, a file or bytes inside one, and naming it in what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.recipe.paths import named_in

if TYPE_CHECKING:
    from av.container import InputContainer


_ALONE = {
    "protocol_whitelist": "file,subfile",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,ivf,h264,hevc,m4v",
}
"""Only containers that hold what they show: a playlist with the name of a video would open other files and addresses."""
MOST_PIXELS = 8192 * 8192


def as_media(media: Media | Path) -> Media:
    """Return the media; a path stands for the whole of its file."""
    return media if isinstance(media, Media) else Media(path=media)


def described(media: Media) -> str:
    """Return the name of the file, and which of its bytes and which part of its time are meant."""
    parts = []
    if _is_member(media):
        end = "its end" if media.size_bytes is None else str(media.offset_bytes + media.size_bytes)
        parts.append(f"bytes {media.offset_bytes} to {end}")
    if media.start_s is not None or media.end_s is not None:
        end = "its end" if media.end_s is None else f"{media.end_s:.2f} s"
        parts.append(f"{media.start_s or 0:.2f} to {end}")
    return f"{media.path.name} ({', '.join(parts)})" if parts else media.path.name


def open_video(media: Media, *, known: bool = False) -> InputContainer:
    """Return the open container, its decoder set to one thread: files are read side by side instead.

    Of a file that is `known`, mp4 and Matroska, nothing is decoded to find out what is in it, which takes far longer
    than all else; a decoder may then have to be told by the careful way if frames do not come out of it.

    Raises:
        RecipeError: the file is not a video that can be read (CR510), has no frames in it (CR511), or ends before the
            bytes that are meant (CR572).
    """
    container = (_open_known(media) if known else None) or _open(media)
    if not container.streams.video:
        container.close()
        fail_frames(media, "no video stream")
    context = getattr(container.streams.video[0], "codec_context", None)
    if context is None:
        container.close()
        fail_frames(media, "a codec that is not known")
    if context.width * context.height > MOST_PIXELS:
        container.close()
        fail_frames(
            media, f"a picture of {context.width}x{context.height} pixels", hint="write it again in a smaller size"
        )
    context.thread_type, context.thread_count = "NONE", 1
    return container


def _open(media: Media, options: dict[str, str] | None = None) -> InputContainer:
    import av
    from av.error import FFmpegError

    try:
        return av.open(_address(media), options={**_ALONE, **(options or {})})
    except (FFmpegError, OSError, ValueError) as error:
        fail(
            "CR510",
            f"the video {described(media)} cannot be opened",
            place=Place(file=str(media.path)),
            expected="a whole video file",
            found=reason(error),
            hint="copy it again, or remove it",
        )


def _open_known(media: Media) -> InputContainer | None:
    """Return the open container if it is of a kind that says what is in it."""
    try:
        container = _open(media, {"skip_frame": "all", "probesize": "4096"})
    except RecipeError:
        return None
    if container.streams.video and {"mp4", "matroska"} & set(container.format.name.split(",")):
        return container
    container.close()
    return None


def size_bytes(media: Media) -> int:
    """Return how many bytes the video has."""
    return media.path.stat().st_size - media.offset_bytes if media.size_bytes is None else media.size_bytes


def unreadable(media: Media, found: str) -> Problem:
    """Return the problem of a video of which a part is missing or damaged."""
    return Problem(
        code="CR512",
        message=f"the video {described(media)} is damaged",
        place=Place(file=str(media.path)),
        expected="a video that decodes to its end",
        found=found,
        hint="copy it again, or remove it",
    )


def fail_frames(media: Media, found: str, hint: str = "remove it from the folder") -> NoReturn:
    """Refuse a video of which no frames can be taken (CR511)."""
    fail(
        "CR511",
        f"no frames can be taken from {described(media)}",
        place=Place(file=str(media.path)),
        expected="a video stream with the time of every frame",
        found=found,
        hint=hint,
    )


def reason(error: BaseException) -> str:
    """Return what a library says was wrong, in a few words."""
    told = getattr(error, "strerror", None) or str(error)
    return next((line.strip() for line in str(told).splitlines() if line.strip()), "unknown").lower()


def _is_member(media: Media) -> bool:
    return media.offset_bytes > 0 or media.size_bytes is not None


def _address(media: Media) -> str:
    """Return what FFmpeg opens: it reads bytes inside a file in place."""
    named_in(media.path.parent, media.path.name, place=Place(file=str(media.path)))
    if not _is_member(media):
        return str(media.path)
    held_bytes, end = media.path.stat().st_size, media.offset_bytes + size_bytes(media)
    if not media.offset_bytes < end <= held_bytes:
        fail(
            "CR572",
            f"there is no video {described(media)}",
            place=Place(file=str(media.path)),
            expected="bytes that the file has",
            found=f"a file of {held_bytes} bytes",
            hint="copy the file again, or index it again if it was changed",
        )
    return f"subfile,,start,{media.offset_bytes},end,{end},,:file:{media.path}"
