"""Data set files, written from what lies at a path: everything that can be seen, and a mark where only the user knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmos_recipes.data.binding.unfilled import UNFILLED
from cosmos_recipes.data.contract import Schema
from cosmos_recipes.data.dataset_text import flow
from cosmos_recipes.data.draft.fitting import Fit, fit, plain_name
from cosmos_recipes.data.draft.licence import licence_of
from cosmos_recipes.data.draft.text import file_text, shown
from cosmos_recipes.data.sources.recognise import Recognised
from cosmos_recipes.recipe.editor import schema_line
from cosmos_recipes.recipe.library import seen_from

__all__ = ["UNFILLED", "Draft", "draft", "name_of", "shown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A data set file that is not written yet.

    `unfilled` are the lines of `text` that the user has to complete, by number; `others` are the schemas that fit too, and
    `bound` the views and values of the source that it names.
    """

    schema: str
    text: str
    unfilled: Mapping[int, str]
    others: tuple[str, ...]
    bound: frozenset[str] = frozenset()


def draft(
    found: Recognised,
    *,
    path: Path,
    target: Path,
    schemas: Sequence[Schema],
    chosen: str | None = None,
    name: str | None = None,
) -> Draft:
    """Return the data set file for what was found at `path`, as it is to be written to `target`.

    The schema is the `chosen` one, whether it fits or not, else the one of `schemas` that says most of the data. The
    data set is called `name`, else as the file.
    """
    fits = sorted((fit(schema, found) for schema in schemas), key=lambda each: each.rank, reverse=True)
    whole = [each for each in fits if not each.missing and each.views]
    best = next((each for each in fits if each.schema.name == chosen), None) or (whole or fits)[0]
    licence, said_by = licence_of(path if path.is_dir() else path.parent)
    said = file_text(
        best,
        found,
        name=name or plain_name(target.stem),
        summary=_summary(best, found, path),
        source={"kind": found.kind, **_relative(found.settings, target.parent)},
        licence=licence,
        said_by=said_by,
    )
    others = tuple(each.schema.name for each in whole if each is not best)
    text = f"{schema_line('dataset', target)}\n{said}"
    bound = frozenset((*best.views.values(), *best.used))
    return Draft(schema=best.schema.name, text=text, unfilled=_unfilled(text), others=others, bound=bound)


def name_of(path: Path) -> str:
    """Return what a data set at a path is called: as its folder, or as its file without the ending."""
    return plain_name(path.name if path.is_dir() else path.stem)


def _summary(best: Fit, found: Recognised, path: Path) -> str:
    views = len(best.views)
    seen = "one view" if views == 1 else f"{views} views"
    return f"Recordings of {path.name}: {seen}" + (f" with {', '.join(best.columns)}" if best.columns else "")


def _relative(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the settings with paths as seen from a folder; every path that a source recognises is absolute."""
    return {key: seen_from(Path(value), folder) if _is_absolute(value) else value for key, value in settings.items()}


def _is_absolute(value: Any) -> bool:
    return isinstance(value, str) and Path(value).is_absolute()


def _unfilled(text: str) -> dict[int, str]:
    lines = enumerate(text.splitlines(), 1)
    return {number: line.strip() for number, line in lines if flow(UNFILLED) in line.partition("#")[0]}
