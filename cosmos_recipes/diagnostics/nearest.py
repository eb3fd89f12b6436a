"""Did you mean?"""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that `word` was most likely meant to be, or None if none is close."""
    import difflib

    known = {candidate.lower(): candidate for candidate in words}
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return known[close[0]] if close else None
