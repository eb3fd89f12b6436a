"""Layers of a recipe put on top of each other, and the origin of every block and value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from cosmos_recipes.diagnostics import Place
from cosmos_recipes.recipe.places import Key, Located

OriginKind = Literal["file", "parent", "profile", "command line"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a block or value came from; `key` is the place of its key."""

    kind: OriginKind
    place: Place
    key: Place
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A plain tree, and the origin of each path in it."""

    tree: dict[str, Any]
    origins: dict[Key, Origin]

    @classmethod
    def of(cls, located: Located, kind: OriginKind) -> Layer:
        """Return a file as a layer."""
        keys = located.keys
        origins = {path: Origin(kind, place, keys.get(path, place)) for path, place in located.values.items() if path}
        return cls(dict(located.tree), origins)

    @classmethod
    def of_argument(cls, path: Key, located: Located, place: Place) -> Layer:
        """Return `--set path=value` as a layer."""
        tree = located.tree
        for part in reversed(path):
            tree = {part: tree}
        below = [(*path, *key) for key in located.values]
        around = [path[:length] for length in range(1, len(path))]
        return cls(tree, {key: Origin("command line", place, place) for key in (*around, *below)})

    def without(self, *keys: str) -> Layer:
        """Return the layer without some of its top-level keys."""
        tree = {key: value for key, value in self.tree.items() if key not in keys}
        return Layer(tree, {path: origin for path, origin in self.origins.items() if path[0] not in keys})

    def profile(self, name: str) -> Layer:
        """Return the overlay of that name, as a layer of its own."""
        origins = {
            path[2:]: replace(origin, kind="profile", profile=name)
            for path, origin in self.origins.items()
            if path[:2] == ("profiles", name) and len(path) > 2
        }
        return Layer(self.tree["profiles"][name], origins)

    def place_of(self, key: Key, of_key: bool) -> Place | None:
        """Return the place of a value (or of its key), or of the key of the nearest block around it."""
        for length in range(len(key), 0, -1):
            origin = self.origins.get(key[:length])
            if origin is not None:
                return origin.key if of_key or length < len(key) else origin.place
        first = next(iter(self.origins.values()), None)
        return first.key if first else None


def overlay(base: Layer, top: Layer) -> Layer:
    """Return `top` put on `base`: mappings are merged deeply; lists, texts and numbers are replaced."""
    origins = dict(base.origins)
    shared: set[Key] = set()
    tree = _merged(base.tree, top.tree, (), shared, origins)
    for path, origin in top.origins.items():
        is_written_elsewhere = path in shared and origin.kind in ("profile", "command line")
        if not is_written_elsewhere:
            origins[path] = origin
    return Layer(tree, origins)


def _merged(
    base: Mapping[str, Any], top: Mapping[str, Any], path: Key, shared: set[Key], origins: dict[Key, Origin]
) -> dict[str, Any]:
    """Merge two blocks; note the blocks that both have, and forget the origins of what is replaced."""
    merged = dict(base)
    for key, value in top.items():
        below = (*path, key)
        known = base.get(key)
        if isinstance(value, Mapping) and isinstance(known, Mapping):
            shared.add(below)
            merged[key] = _merged(known, value, below, shared, origins)
            continue
        if isinstance(known, (Mapping, list)):
            _forget(origins, below)
        merged[key] = value
    return merged


def _forget(origins: dict[Key, Origin], path: Key) -> None:
    for known in [known for known in origins if known[: len(path)] == path]:
        del origins[known]
