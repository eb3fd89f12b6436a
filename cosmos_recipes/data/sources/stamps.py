"""Whether files are still what they were, without reading them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


def stamp(files: Mapping[str, Path]) -> str:
    """Return a hash of the names, sizes and times of change of files; one that is missing counts as such."""
    rows = [f"{name} {_state(path)}" for name, path in sorted(files.items())]
    return hashlib.sha256("\n".join(rows).encode(errors="surrogateescape")).hexdigest()


def _state(path: Path) -> str:
    try:
        at = path.stat()
    except (OSError, ValueError):
        return "missing"
    return f"{at.st_size} {at.st_mtime_ns}"
