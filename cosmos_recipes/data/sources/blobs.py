"""Videos that are no files of their own: bytes in a table, or a file elsewhere, put into a folder once."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from cosmos_recipes.data.sources.base import VIDEO_SUFFIXES
from cosmos_recipes.files import whole

_BEGINNINGS = {b"\x1a\x45\xdf\xa3": ".mkv", b"RIFF": ".avi"}


def keep(content: memoryview, name: str, folder: Path) -> Path:
    """Return the file in `folder` that holds these bytes, named after their hash and written where it is not there.

    `name` is what the table calls the video, or "".
    """
    suffix = Path(name).suffix.lower()
    if suffix not in VIDEO_SUFFIXES:
        suffix = _BEGINNINGS.get(bytes(content[:4]), ".mp4")
    path = folder / f"{hashlib.sha256(content).hexdigest()}{suffix}"
    if not path.exists():
        with whole(path) as part:
            part.write_bytes(content)
    return path


def fetch(address: str, folder: Path) -> Path:
    """Return the file in `folder` that was fetched from an address that fsspec reads, fetched where it is not there.

    Raises:
        OSError: it cannot be read.
        ImportError: nothing that is installed reads such an address.
    """
    import fsspec

    name = Path(address.partition("::")[0])
    path = folder / f"{hashlib.sha256(address.encode()).hexdigest()}{name.suffix.lower()}"
    if not path.exists():
        with fsspec.open(address, "rb") as there, whole(path) as part, part.open("wb") as here:
            shutil.copyfileobj(there, here)
    return path
