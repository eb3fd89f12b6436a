"""What lies at a path: which sources can read it, with which settings, and what they would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmos_recipes.data.recording import Recording, Value
from cosmos_recipes.data.sources import source_class, source_names
from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.recipe.validation import validate

LOOKED_AT = 3
"""Recordings that are read, so that axes which differ between them are seen."""
_LAST = "folder"
"""It reads any videos, and says least of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What values of a name are: `text`, or a type of NumPy, and their shape; None is an axis that differs."""

    dtype: str
    shape: tuple[int | None, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """A kind of source that fits, its settings, and the views and values of the first recordings by name.

    `problems` are what is wrong with the data, if it is of that kind but cannot be read.
    """

    kind: str
    settings: Mapping[str, Any]
    views: tuple[str, ...] = ()
    values: Mapping[str, Form] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def recognise(path: Path) -> list[Recognised]:
    """Return the sources that can read a folder or a file, the one that says most of it first; none if there is none."""
    kinds = sorted(source_names(), key=lambda kind: (kind == _LAST, kind))
    return [found for kind in kinds if (found := _recognised(kind, path))]


def _recognised(kind: str, path: Path) -> Recognised | None:
    settings: Mapping[str, Any] = {}
    try:
        said = source_class(kind).recognises(path)
        if said is None:
            return None
        settings = said
        source = validate(source_class(kind), dict(settings), lambda key, of_key: None)
        recordings = source.first(LOOKED_AT)
    except RecipeError as error:
        return Recognised(kind=kind, settings=settings, problems=error.problems)
    views = tuple(dict.fromkeys(view for recording in recordings for view in recording.views))
    return Recognised(kind=kind, settings=settings, views=views, values=_forms(recordings))


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
