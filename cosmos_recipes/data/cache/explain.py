"""Why entries are or are not in the cache: what of their keys differs from the nearest entry that is there."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.data.cache.contents import Cache
from cosmos_recipes.data.cache.keys import Wanted, canonical, digest
from cosmos_recipes.data.cache.shards import read_list

NEW = "nothing like it is stored"
NAMED = frozenset(("media", "text"))
"""Parts of a key that are contents: what had another content is the same thing only if it has the same name."""
_HASH_CHARACTERS = 64


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """How many entries are there already, and of the others how many are missing for which reason, most first."""

    wanted: int
    reused: int
    reasons: dict[str, int]


def explain(cache: Cache, wanted: Wanted) -> Explanation:
    """Return which of the entries are there, and why the others are not.

    The nearest entry is one that is made from the same; else one that differs in one part of that; else one with the
    same name.
    """
    missing = cache.find(wanted.keys).missing.tolist()
    stored = _Stored(cache) if missing else None
    reasons = Counter(
        stored.reason(wanted.made_by, wanted.made_from(position), wanted.name(position))
        for position in missing
        if stored is not None
    )
    return Explanation(wanted=len(wanted), reused=len(wanted) - len(missing), reasons=dict(reasons.most_common()))


class _Stored:
    """What is stored, by all but one of its parts, and by its name."""

    def __init__(self, cache: Cache) -> None:
        self.makers: dict[str, dict[str, Any]] = {}
        self.near: dict[bytes, dict[str, dict[str, Any]]] = defaultdict(dict)
        for shard in cache.shards:
            found = read_list(cache.store, shard, ("key", "made_from", "name"))
            if found is None:
                continue
            maker = canonical(found[0].made_by)
            self.makers[maker] = found[0].made_by
            for text, name in zip(found[1]["made_from"].to_pylist(), found[1]["name"].to_pylist(), strict=True):
                made_from = json.loads(text)
                for likeness in _likenesses(made_from, name):
                    self.near[likeness].setdefault(maker, made_from)

    def reason(self, made_by: Mapping[str, Any], made_from: Mapping[str, Any], name: str) -> str:
        """Return what differs from the nearest entry, in words."""
        for likeness in _likenesses(made_from, name):
            changes = [
                _changes(self.makers[maker], made_by) + _changes(nearest, made_from)
                for maker, nearest in self.near.get(likeness, {}).items()
            ]
            if changes:
                fewest = min(changes, key=len)
                return ", ".join(fewest)
        return NEW


def _likenesses(made_from: Mapping[str, Any], name: str) -> Iterator[bytes]:
    """Yield hashes of what makes two entries alike, the closest first."""
    yield digest(made_from)
    for part in made_from:
        others = {other: value for other, value in made_from.items() if other != part}
        yield digest([part, others, name if part in NAMED else None])
    yield digest(["name", sorted(made_from), name])


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    old, new = dict(_leaves(before)), dict(_leaves(after))
    names = sorted(old.keys() | new.keys())
    return [_change(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _change(name: str, old: Any, new: Any) -> str:
    if name in ("media", "text"):
        return "the file changed" if name == "media" else "the text changed"
    if name == "frames":
        lengths = [len(frames[0]) if frames else 0 for frames in (old, new)]
        return "other frames" if lengths[0] == lengths[1] else f"frames {lengths[0]} -> {lengths[1]}"
    said = [canonical(value).strip('"[]') if value is not None else "none" for value in (old, new)]
    return (
        f"{name} changed" if any(len(text) >= _HASH_CHARACTERS for text in said) else f"{name} {said[0]} -> {said[1]}"
    )


def _leaves(parts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in parts.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name} ")
        else:
            yield f"{above}{name}", value
