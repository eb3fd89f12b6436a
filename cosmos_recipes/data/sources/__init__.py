"""Sources: where recordings come from, one module each, found through the entry points `cosmos_recipes.sources`."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from cosmos_recipes.data.sources.base import Recording, Source, SourceDescription

__all__ = ["Recording", "Source", "SourceDescription", "own_source_names", "source_class", "source_names"]


@cache
def source_names() -> tuple[str, ...]:
    """Return the kinds of source that are installed."""
    return tuple(sorted(entry.name for entry in entry_points(group="cosmos_recipes.sources")))


def own_source_names() -> tuple[str, ...]:
    """Return the kinds of source of this project, whatever else is installed."""
    found = entry_points(group="cosmos_recipes.sources")
    return tuple(sorted(entry.name for entry in found if entry.module.startswith("cosmos_recipes.")))


def source_class(kind: str) -> type[Source]:
    """Return the source of that kind; raises KeyError."""
    loaded: type[Source] = entry_points(group="cosmos_recipes.sources")[kind].load()
    return loaded
