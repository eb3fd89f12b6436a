"""Tokens, passwords and keys in what is about to be published, found in pieces: no file is read whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cosmos_recipes.backbones.headers import LARGEST_HEADER_BYTES
from cosmos_recipes.diagnostics import Problem
from cosmos_recipes.diagnostics.secrets import secrets_in_bytes

# Embedded pictures and videos are noise in which anything short can turn up by chance.
_EMBEDDED = re.compile(rb"base64,[A-Za-z0-9+/=]+")
# Its mark stays, by which what follows in the next piece is known as a part of it.
_EMPTIED = b"base64,"
_SECRET_NAME = re.compile(r"(?:TOKEN|SECRET|PASSWORD|API_KEY|ACCESS_KEY)$")
_SHORTEST_SECRET = 16
_PIECE_BYTES = 1 << 20
_OVERLAP_BYTES = 1 << 12
"""Longer than any secret, so that one which lies across two pieces is whole in the second."""


def check_secrets(folder: Path, path: str) -> Iterator[Problem]:
    """A token or key in a file (CR708); the message says where and of what kind, never what it is.

    Of a safetensors file its header is read, where the metadata is.
    """
    for kind, length, line in sorted(_found(folder / path), key=lambda each: each[2]):
        # No place: the excerpt that is shown of a place would show the secret.
        yield Problem(
            code="CR708",
            message=f"what looks like a secret is in the package: {path}, line {line}",
            found=f"{kind} of {length} characters",
            expected="no token, password or key in anything that is published",
            hint="take it out of the recipe or the data, make it invalid where it came from, and run again",
        )


def _found(file: Path) -> set[tuple[str, int, int]]:
    """Return kind, length and line of each secret in a file."""
    variables = [(f"value of the environment variable {name}", secret) for name, secret in _secret_variables()]
    found = set()
    with file.open("rb") as opened:
        for text, first_line, new in _windows(opened, _bytes_to_read(opened, file)):
            for kind, match in _matches(text, variables):
                # What ends at the very end may go on in the next window, and is found there.
                if new <= match.end() < len(text):
                    found.add((kind, len(match[0]), first_line + text.count(b"\n", 0, match.start())))
    return found


def _matches(text: bytes, variables: list[tuple[str, bytes]]) -> Iterator[tuple[str, re.Match[bytes]]]:
    yield from secrets_in_bytes(text)
    for kind, secret in variables:
        yield from ((kind, match) for match in re.finditer(re.escape(secret), text))


def _windows(file: BinaryIO, left: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the text in overlapping pieces, without what is embedded: the piece, its first line, where what is new begins."""
    tail, line = b"", 1
    while left >= 0:
        piece = file.read(min(left, _PIECE_BYTES))
        left = left - len(piece) if piece else -1
        # The end of the file counts as a character, so that a secret can end before it.
        text = _EMBEDDED.sub(_EMPTIED, tail + (piece or b"\n"))
        yield text, line, max(len(tail), 1)
        kept = text[-_OVERLAP_BYTES:]
        line += text.count(b"\n", 0, len(text) - len(kept))
        tail = kept


def _bytes_to_read(opened: BinaryIO, file: Path) -> int:
    size = file.stat().st_size
    if file.suffix != ".safetensors":
        return size
    header = int.from_bytes(opened.read(8), "little")
    return min(header, size, LARGEST_HEADER_BYTES)


def _secret_variables() -> Iterator[tuple[str, bytes]]:
    """Yield the environment variables that hold a secret of this machine, by their names; patterns know the rest."""
    for name, value in os.environ.items():
        secret = os.fsencode(value)
        if _SECRET_NAME.search(name) and len(secret) >= _SHORTEST_SECRET and not any(_matches(secret, [])):
            yield name, secret
