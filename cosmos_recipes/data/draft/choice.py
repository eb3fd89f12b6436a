"""How a path is read: the source that says most of it, or the one that was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NoReturn

from cosmos_recipes.data.contract import Schema, load_schema
from cosmos_recipes.data.sources.recognise import Recognised, looked_for, recognise, recognise_below
from cosmos_recipes.diagnostics import Place, fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.recipe.library import names

_MOST_COUNTED = 10_000
_MOST_ENDINGS = 4


def contracts(name: str | None) -> list[Schema]:
    """Return the contract of that name or path, or all that can be named; raises RecipeError."""
    return [load_schema(each) for each in ([name] if name else names("schemas"))]


def choose(path: Path, kind: str | None) -> tuple[Recognised, Sequence[Recognised]]:
    """Return what a path is, or what it is as a source of that kind, and what else it can be read as.

    Raises:
        RecipeError: no source reads it (CR590), or not the one that was asked for (CR591).
    """
    found = recognise(path)
    if not found:
        _fail_unknown(path)
    chosen = next((each for each in found if kind in (each.kind, None)), None)
    if chosen is None:
        _fail_kind(path, str(kind), [each.kind for each in found])
    return chosen, [each for each in found if each is not chosen]


def own_kinds(chosen: Recognised, path: Path) -> dict[str, str]:
    """Return the folders that are data sets of their own kinds, and were taken for mere folders of videos."""
    if chosen.source is None or type(chosen.source).detail or not path.is_dir():
        return {}
    return recognise_below(path)


def _fail_kind(path: Path, kind: str, fitting: Sequence[str]) -> NoReturn:
    layouts = looked_for()
    close = nearest(kind, layouts)
    hint = f"did you mean `{close}`?" if close else f"use `--kind {fitting[0]}`"
    fail(
        "CR591",
        f"{path.name} cannot be read as `{kind}`",
        place=Place(file=f"--kind {kind}"),
        expected=listed(fitting),
        found=kind,
        hint=f"`{kind}` reads {layouts[kind]}" if kind in layouts else hint,
    )


def _fail_unknown(path: Path) -> NoReturn:
    below = recognise_below(path) if path.is_dir() else {}
    inside = listed((f"{name} ({kind})" for name, kind in below.items()), "and")
    fail(
        "CR590",
        f"no source reads what is in {path.name}",
        place=Place(file=str(path)),
        expected=f"the layout of {listed(looked_for())}",
        found=_counted(path),
        hint=f"name a folder in it: {inside}"
        if below
        else "name the folder that the recordings are in, or lay them out in one of these ways",
    )


def _counted(path: Path) -> str:
    """Return which endings the files have, most of them first."""
    files = islice((each for each in path.rglob("*") if each.is_file()), _MOST_COUNTED) if path.is_dir() else [path]
    endings = Counter(each.suffix.lower() or "no ending" for each in files)
    if not endings:
        return "an empty folder"
    return "files: " + ", ".join(f"{count} {ending}" for ending, count in endings.most_common(_MOST_ENDINGS))
