"""The one place where what stands beside videos is read whole: never a device, and never more than anybody means."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG

from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.recipe.paths import named_in

LARGEST_BYTES = 256_000_000
_LOOKED_AT_BYTES = 1_000_000


def read_bounded(path: Path) -> str:
    """Return the text of a file, without its byte-order mark.

    Raises:
        RecipeError: it is too large, or no file (CR159), or a link out of a repository (CR123).
        OSError: it cannot be read.
        UnicodeDecodeError: it is not UTF-8.
    """
    status = named_in(path.parent, path.name, place=Place(file=str(path))).stat()
    if not S_ISREG(status.st_mode):
        fail("CR159", f"{path.name} is no file", place=Place(file=str(path)), expected="a text file", found="a device")
    require_bounded(status.st_size, path.name, path)
    return path.read_text(encoding="utf-8-sig")


def beginning(path: Path) -> str:
    """Return the first megabyte of a file as text, for a look at what kind it is; "" if it is none that can be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_LOOKED_AT_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def require_bounded(size_bytes: int, name: str, file: Path) -> None:
    """Refuse to read more than `LARGEST_BYTES` at once (CR159)."""
    if size_bytes > LARGEST_BYTES:
        fail(
            "CR159",
            f"{name} is too large to be read beside a video",
            place=Place(file=str(file)),
            expected=f"at most {LARGEST_BYTES / 1e6:.0f} MB",
            found=f"{size_bytes / 1e6:,.0f} MB",
            hint="was a video or an archive named by mistake?",
        )
