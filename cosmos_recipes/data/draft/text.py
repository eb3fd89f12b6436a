"""A data set file as text, with a comment at whatever has to be filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cosmos_recipes.data.binding.unfilled import UNFILLED
from cosmos_recipes.data.contract import Column
from cosmos_recipes.data.dataset_text import block, flow
from cosmos_recipes.data.draft.fitting import BODIES, Fit, numbers_of
from cosmos_recipes.data.geometry import INTRINSICS_PRESETS, POSE_PRESETS
from cosmos_recipes.data.sources.recognise import Form, Recognised
from cosmos_recipes.diagnostics import visible

_MOST_LISTED = 12
_PARTS = {"camera": "direction: camera-to-world, axes: opencv", "ego": "direction: ego-to-world, axes: flu"}
_FORMS = "absolute (set-points), delta (changes) or difference (states, whose change is the action)"


def file_text(
    fit: Fit, found: Recognised, *, name: str, summary: str, source: Mapping[str, Any], licence: str, said_by: str
) -> str:
    """Return the text of the file; `said_by` is the file that says the licence."""
    said = f"  # said by {said_by}" if said_by else ""
    lines = [
        "# Written by `cosmos-recipe new dataset` from what it saw.",
        f"dataset: {flow(name)}",
        f"summary: {flow(summary)}",
        f"schema: {flow(fit.schema.name)}",
        f"licence: {flow(licence)}{said}",
        *block("source", source, type(found.source).guessed if found.source else {}),
        *_views(fit, found),
        *_columns(fit, found),
        *_rest(fit, found),
    ]
    # Names of files and columns stand in comments too.
    return "\n".join(map(visible, lines)) + "\n"


def shown(form: Form) -> str:
    """Return what a value is: `text`, or the type of its numbers and their shape, `n` for what differs."""
    axes = ", ".join("n" if length is None else str(length) for length in form.shape)
    return f"{form.dtype} ({axes})" if form.shape else form.dtype


def _views(fit: Fit, found: Recognised) -> list[str]:
    if not fit.views:
        return [f"views: {flow(UNFILLED)}  # {fit.schema.name} needs other views than {', '.join(found.views)}"]
    others = [view for view in found.views if view not in fit.views.values()]
    return [*block("views", fit.views), *([f"  # there is also {', '.join(others)}"] if others else [])]


def _columns(fit: Fit, found: Recognised) -> list[str]:
    """Return the columns; an optional one of which something is not known is left to be uncommented."""
    bound: list[str] = []
    possible: list[str] = []
    for name, column in fit.schema.columns.items():
        if name in fit.columns:
            is_open = UNFILLED in fit.columns[name].values()
            lines = possible if is_open and not column.required else bound
            lines += _column(name, column, fit.columns[name], found)
        elif name in fit.missing and column.kind != "video":
            bound.append(f"{name}: {flow(UNFILLED)}  # {_choice(fit, found)}")
    return [*(["columns:"] if bound else []), *(f"  {line}" for line in bound), *_possible(possible, bool(bound))]


def _possible(lines: list[str], follows: bool) -> list[str]:
    if not lines:
        return []
    return ["  # The schema also takes:" if follows else "# columns:", *(f"  # {line}" for line in lines)]


def _choice(fit: Fit, found: Recognised) -> str:
    spare = [name for name in found.values if name not in fit.used]
    return f"which of {', '.join(spare)}" if spare else "there is no value that could be it"


def _column(name: str, column: Column, entry: Mapping[str, Any], found: Recognised) -> Iterator[str]:
    if list(entry) == ["from"] and isinstance(entry["from"], str):
        yield f"{name}: {flow(entry['from'])}"
        return
    yield f"{name}:"
    for key, value in entry.items():
        comment = f"  # {_asked(key, column, entry, found)}" if value == UNFILLED else ""
        yield f"  {key}: {flow(value)}{comment}"


def _asked(key: str, column: Column, entry: Mapping[str, Any], found: Recognised) -> str:
    """Return what belongs in the place of what is not known."""
    if key == "convention":
        return _conventions(column.convention)
    parts = [entry["from"]] if isinstance(entry["from"], str) else entry["from"]
    count = sum(numbers_of(found.values[part]) or 0 for part in parts)
    choice = 'm, rad, "1" and so on' if key == "unit" else _FORMS
    each = f"; one for all, or a list of {count}" if count > 1 else ""
    return choice + each


def _conventions(wanted: str | None) -> str:
    if wanted == "intrinsics":
        return f"{', '.join(INTRINSICS_PRESETS)}, or its parts: {{form: row-4, unit: pixels}}"
    body = BODIES[str(wanted)]
    known = [name for name, preset in POSE_PRESETS.items() if preset.body == body]
    return f"{', '.join(known)}, or its parts: {{form: matrix-4x4, {_PARTS[body]}}}"


def _rest(fit: Fit, found: Recognised) -> Iterator[str]:
    spare = [name for name in found.values if name not in fit.used]
    if spare:
        yield "# Values that no column of the schema takes:"
    yield from (f"#   {name}: {shown(found.values[name])}" for name in spare[:_MOST_LISTED])
    if len(spare) > _MOST_LISTED:
        yield f"#   and {len(spare) - _MOST_LISTED} more"
