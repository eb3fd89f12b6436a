"""Which recordings are held out: as the data set file says, as the source says, or one in ten by a hash of the name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fnmatch import fnmatchcase

from cosmos_recipes.data.binding.spec import Splits
from cosmos_recipes.data.recording import Recording, Split

HELD_OUT_SHARE = 0.1
"""Share of the recordings that are held out where neither the data set nor the source has splits; one at least."""
HELD_OUT_TAIL = 0.2
"""Share of the clips, the last ones, that are held out of a data set of one recording."""


def declared_split(recording: Recording, splits: Splits | None) -> Split | None:
    """Return a recording's split as the data set says it by patterns of names, None where it says a share; else the source's."""
    if splits is None:
        return recording.split
    if isinstance(splits.held_out, float):
        return None
    return "held-out" if any(fnmatchcase(recording.name, pattern) for pattern in splits.held_out) else "train"


def final_splits(names: Sequence[str], said: Sequence[Split | None], splits: Splits | None) -> list[Split | None]:
    """Return the split of every recording that is kept; None for a single one, which is cut in two.

    Those of which nothing is said are trained on where others are held out; otherwise a share of them is held out.
    """
    share = splits.held_out if splits and isinstance(splits.held_out, float) else HELD_OUT_SHARE
    if len(names) < 2:
        return list(said)
    free = [name for name, own in zip(names, said, strict=True) if own is None]
    ranked = sorted(free, key=lambda name: hashlib.sha256(name.encode()).digest())
    count = 0 if "held-out" in said else max(1, round(share * len(free)))
    held_out = {*ranked[:count]}
    return [own or ("held-out" if name in held_out else "train") for name, own in zip(names, said, strict=True)]
