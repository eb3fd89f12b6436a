"""What lies at a path: which sources can read it, with which settings, and what they would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmos_recipes.data.recording import Recording, Value
from cosmos_recipes.data.sources import Source, source_class, source_names
from cosmos_recipes.data.sources.meaning import Meaning
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.recipe.validation import validate

LOOKED_AT = 3
"""Recordings that are read, so that axes which differ between them are seen."""
_MOST_BELOW = 64
"""Folders in a folder that are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What values of a name are: `text`, or a type of NumPy, and their shape; None is an axis that differs."""

    dtype: str
    shape: tuple[int | None, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """A kind of source that fits, its settings, and the views and values of the first recordings by name.

    `problems` are what is wrong with the data, if it is of that kind but cannot be read; `source` may be None then.
    """

    kind: str
    settings: Mapping[str, Any]
    views: tuple[str, ...] = ()
    values: Mapping[str, Form] = field(default_factory=dict)
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    source: Source | None = None
    problems: tuple[Problem, ...] = ()


def recognise(path: Path) -> list[Recognised]:
    """Return the sources that can read a folder or a file, the one that says most of it first; none if there is none."""
    return [found for kind in _kinds() if (found := _recognised(kind, path))]


def recognise_below(path: Path) -> dict[str, str]:
    """Return the folders in a folder that have a layout of their own, and its kind, looking only at their names."""
    folders = sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
    found: dict[str, str] = {}
    for folder in folders[:_MOST_BELOW]:
        kind = next((kind for kind in _kinds() if source_class(kind).detail and _settings(kind, folder)), None)
        found |= {folder.name: kind} if kind else {}
    return found


def looked_for() -> dict[str, str]:
    """Return what each kind of source looks for, the one that says most first."""
    return {kind: source_class(kind).looks_for for kind in _kinds()}


def _kinds() -> list[str]:
    return sorted(source_names(), key=lambda kind: (-source_class(kind).detail, kind))


def _settings(kind: str, path: Path) -> Mapping[str, Any] | None:
    try:
        return source_class(kind).recognises(path)
    except RecipeError:
        return {}


def _recognised(kind: str, path: Path) -> Recognised | None:
    settings: Mapping[str, Any] = {}
    source: Source | None = None
    try:
        said = source_class(kind).recognises(path)
        if said is None:
            return None
        settings = said
        source = validate(source_class(kind), dict(settings), lambda key, of_key: None)
        recordings, meanings = source.first(LOOKED_AT), source.meanings()
    except RecipeError as error:
        return Recognised(kind=kind, settings=settings, source=source, problems=error.problems)
    views = tuple(dict.fromkeys(view for recording in recordings for view in recording.views))
    values = _forms(recordings)
    return Recognised(kind=kind, settings=settings, views=views, values=values, meanings=meanings, source=source)


def _forms(recordings: Sequence[Recording]) -> dict[str, Form]:
    forms: dict[str, Form] = {}
    for recording in recordings:
        for name, value in recording.values.items():
            own = _form(value)
            forms[name] = _common(forms[name], own) if name in forms else own
    return forms


def _form(value: Value) -> Form:
    import numpy as np

    if isinstance(value, str):
        return Form(dtype="text")
    array = np.asarray(value)
    return Form(dtype="text" if array.dtype.kind == "U" else array.dtype.name, shape=array.shape)


def _common(one: Form, other: Form) -> Form:
    if one.dtype != other.dtype or len(one.shape) != len(other.shape):
        return one
    shape = (a if a == b else None for a, b in zip(one.shape, other.shape, strict=True))
    return Form(dtype=one.dtype, shape=tuple(shape))
