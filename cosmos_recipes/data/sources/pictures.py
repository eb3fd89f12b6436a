"""Pictures as a video: the same pixels, one frame each, in a file that any frame can be read from alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import whole

if TYPE_CHECKING:
    from PIL.Image import Image

CODEC = "ffv1"
"""Lossless in RGB, every frame a key frame, any size; PyAV reads it, DALI does not."""
PICTURE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"))
_MODES = frozenset(("1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr"))


def write_pictures(path: Path, pictures: Sequence[Path], *, rate_hz: float, done: Callable[[int], None]) -> None:
    """Write pictures of one size as the frames of a Matroska file, whole or not at all.

    A picture that is see-through lies on white. The turn that a camera noted in a picture is not made: poses and
    intrinsics are of the pixels as they are stored.

    Raises:
        RecipeError: a picture cannot be read, has more than 8 bits a colour, or is of another size (CR557).
    """
    import av
    import numpy as np
    from av import VideoStream

    rate = Fraction(rate_hz).limit_denominator(1_000_000)
    width_px, height_px = picture_size(pictures[0])
    with whole(path) as part, av.open(str(part), "w", format="matroska") as container:
        stream = container.add_stream(CODEC, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "bgr0"
        stream.codec_context.gop_size = 1
        for number, picture in enumerate(_read(pictures, (width_px, height_px)), 1):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24").reformat(format="bgr0")
            container.mux(stream.encode(frame))
            done(number)
        container.mux(stream.encode(None))


def picture_size(path: Path) -> tuple[int, int]:
    """Return width and height in pixels, from the picture's header; raises RecipeError (CR557)."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return picture.size
    except (OSError, Image.DecompressionBombError, ValueError) as error:
        _fail_picture(path, expected="a picture", found=str(error))


def _read(pictures: Sequence[Path], size_px: tuple[int, int]) -> Iterator[Image]:
    from PIL import Image

    for path in pictures:
        try:
            with Image.open(path) as picture:
                picture.load()
        except (OSError, SyntaxError, Image.DecompressionBombError, ValueError) as error:
            _fail_picture(path, expected="a whole picture", found=str(error))
        if picture.mode not in _MODES:
            _fail_picture(path, expected="8 bits a colour", found=f"the mode {picture.mode} of Pillow")
        if picture.size != size_px:
            expected, found = (f"{width}x{height} pixels" for width, height in (size_px, picture.size))
            _fail_picture(path, expected=f"{expected}, as the first picture", found=found)
        yield _on_white(picture)


def _on_white(picture: Image) -> Image:
    from PIL import Image

    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def _fail_picture(path: Path, *, expected: str, found: str) -> NoReturn:
    fail(
        "CR557",
        f"the picture {path.name} cannot be a frame",
        place=Place(file=str(path)),
        expected=expected,
        found=found,
        hint="write it again in that form, or remove it from the list",
    )
