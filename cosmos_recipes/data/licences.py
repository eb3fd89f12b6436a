"""Licences of data and weights by their SPDX identifiers in lower case, as the Hub has them, and what each asks for."""

from __future__ import annotations

import re
from typing import Literal

UNKNOWN = "unknown"
"""What stands for a licence that is not said."""
Condition = Literal["non-commercial", "share-alike", "no-derivatives"]
CONDITIONS: dict[str, frozenset[Condition]] = {
    **dict.fromkeys(
        (
            *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "cc0-1.0", "cc-by-3.0", "cc-by-4.0"),
            *("odc-by", "pddl", "cdla-permissive-1.0", "cdla-permissive-2.0"),
        ),
        frozenset[Condition](),
    ),
    **dict.fromkeys(("cc-by-sa-3.0", "cc-by-sa-4.0", "odbl"), frozenset[Condition](["share-alike"])),
    **dict.fromkeys(("cc-by-nc-3.0", "cc-by-nc-4.0"), frozenset[Condition](["non-commercial"])),
    **dict.fromkeys(
        ("cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"), frozenset[Condition](["non-commercial", "share-alike"])
    ),
    "cc-by-nd-4.0": frozenset(["no-derivatives"]),
    "cc-by-nc-nd-4.0": frozenset(["non-commercial", "no-derivatives"]),
}  # fmt: skip
"""What a licence asks for beyond naming where the work is from; nothing is known of a licence that is not here."""
_FILLING = re.compile(r"\b(?:the|license|licence|version|v)\b|[^a-z0-9]")


def known_as(said: str) -> str | None:
    """Return the identifier of the licence that a person means, such as cc-by-4.0 for `CC BY 4.0`; None for another one."""
    return _BY_LETTERS.get(_letters(said))


def _letters(said: str) -> str:
    return _FILLING.sub("", said.lower())


_BY_LETTERS = {_letters(name): name for name in CONDITIONS}
