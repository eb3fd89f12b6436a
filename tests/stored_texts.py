"""Tables of messages: a broken recipe NAME.yaml, and beside it NAME.txt, the exact text that is shown.

The first line of a recipe may hold the arguments (`# args: --profile large --set seed=1`).
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

REWRITE = "COSMOS_RECIPES_REWRITE_TEXTS"


def arguments(path: Path) -> tuple[str | None, list[str]]:
    """Return profile and overrides of a case."""
    first = path.read_bytes().splitlines()[:1]
    words = shlex.split(first[0].decode()[len("# args:") :]) if first and first[0].startswith(b"# args:") else []
    given = list(zip(words[::2], words[1::2], strict=True))
    profiles = [value for name, value in given if name == "--profile"]
    return profiles[0] if profiles else None, [value for name, value in given if name == "--set"]


def assert_stored(stored: Path, text: str) -> None:
    """Compare a text with the stored one; store it first where the tests are told to."""
    if os.environ.get(REWRITE):
        stored.write_text(text, encoding="utf-8")
    assert stored.is_file(), f"no text is stored: run pytest with {REWRITE}=1, then read {stored}"
    assert text == stored.read_text(encoding="utf-8"), f"if the new text is better, run pytest with {REWRITE}=1"
