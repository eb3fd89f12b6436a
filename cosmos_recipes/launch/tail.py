"""A growing file, line by line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

LOOK_S, ASK_S = 0.5, 5.0
"""Seconds between two looks at the file, and between two questions whether it still grows."""


def tail(file: Path, is_over: Callable[[], bool]) -> Iterator[str]:
    """Yield the lines of a file that another process appends to, until `is_over` and all is read; it may come later."""
    position, asked_s, over = 0, -ASK_S, False
    while not over:
        if time.monotonic() - asked_s >= ASK_S:
            # What was written before the answer is read after it.
            over, asked_s = is_over(), time.monotonic()
        text = _after(file, position)
        text = text if over else text[: text.rfind(b"\n") + 1]
        position += len(text)
        yield from text.decode("utf-8", errors="replace").splitlines()
        if not over:
            time.sleep(LOOK_S)


def _after(file: Path, position: int) -> bytes:
    if not file.is_file():
        return b""
    with file.open("rb") as stream:
        stream.seek(position)
        return stream.read()
