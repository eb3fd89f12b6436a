"""Did you mean?"""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that `word` was most likely meant to be, or None if none is close.

    Case, and the difference between a dash and an underscore, do not count.
    """
    import difflib

    known = {_plain(candidate): candidate for candidate in words}
    close = difflib.get_close_matches(_plain(word[:100]), known, n=1, cutoff=0.6)
    return known[close[0]] if close else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
