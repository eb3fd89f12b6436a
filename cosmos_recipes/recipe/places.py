"""A plain tree and the place of every key and value in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cosmos_recipes.diagnostics import Place

Key = tuple[str, ...]
"""A path in a tree: keys of mappings, and positions in lists as texts."""


class PlaceOf(Protocol):
    """Finds the place of a path's value, or of its key; of the nearest block around it if it has none itself."""

    def __call__(self, key: Key, of_key: bool) -> Place | None:
        """Return the place, or None if nothing around the path has one."""
        ...


@dataclass(frozen=True, slots=True)
class Located:
    """A plain tree of dicts, lists and scalars; `keys` and `values` hold the places of each path's key and value."""

    tree: Any
    keys: Mapping[Key, Place]
    values: Mapping[Key, Place]

    def place_of(self, key: Key, of_key: bool) -> Place | None:
        """Return the place of a value (or of its key), or of the key of the nearest block around it."""
        own = (self.keys if of_key else self.values).get(key) or self.keys.get(key)
        if own is not None:
            return own
        return next((place for block in _around(key) if (place := self._of_block(block)) is not None), None)

    @property
    def places(self) -> PlaceOf:
        """What finds the places of this tree."""
        return self.place_of

    def below(self, *prefix: str) -> Located:
        """Return the part of the tree under a path, such as a block to check on its own."""
        return Located(value_at(self.tree, prefix), _below(self.keys, prefix), _below(self.values, prefix))

    def _of_block(self, key: Key) -> Place | None:
        return self.keys.get(key) or self.values.get(key)


def _around(key: Key) -> Iterable[Key]:
    return (key[:length] for length in range(len(key) - 1, -1, -1))


def _below(places: Mapping[Key, Place], prefix: Key) -> dict[Key, Place]:
    length = len(prefix)
    return {key[length:]: place for key, place in places.items() if key[:length] == prefix}


def value_at(tree: Any, key: Key) -> Any:
    """Return the value at a path, or None if the path leads nowhere."""
    for part in key:
        tree = child_of(tree, part)
    return tree


def child_of(node: Any, part: str) -> Any:
    """Return a mapping's value or a list's item, or None."""
    if isinstance(node, Mapping):
        return node.get(part)
    if isinstance(node, list) and part.isdecimal() and len(part) < 10 and int(part) < len(node):
        return node[int(part)]
    return None
