"""YAML as HTML in which every key says what it means, and leads to its place in the reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markupsafe import Markup

from cosmos_recipes.gallery.sentences import Field, FileKind, field_at
from cosmos_recipes.recipe.located import parse_located
from cosmos_recipes.recipe.places import Key

INLINE = ("dataset", "use")
"""Where a recipe may hold a whole data set file."""
_PROFILE_DEPTH = 2


def yaml_html(file: Path, kind: FileKind, *, reference: str) -> Markup:
    """Return the text of a file; `reference` is the address of the folder of reference pages as seen from the page."""
    text = file.read_text(encoding="utf-8")
    located = parse_located(text, file=str(file))
    keys: dict[int, list[tuple[int, int, Key]]] = {}
    for path, place in located.keys.items():
        keys.setdefault(place.line, []).append((place.column - 1, place.length, path))
    lines = (
        _line(line, _known(sorted(keys.get(number, ())), kind, located.tree), reference)
        for number, line in enumerate(text.splitlines(), 1)
    )
    return Markup("\n").join(lines) + "\n"


def field_of(path: Key, kind: FileKind, tree: Any) -> tuple[FileKind, Field] | None:
    """Return the field that a key of a file is, and in which kind of file it is said; None for names chosen freely."""
    if kind == "recipe" and path[0] == "profiles" and len(path) > _PROFILE_DEPTH:
        return field_of(path[_PROFILE_DEPTH:], kind, tree["profiles"][path[1]])
    if kind == "recipe" and path[: len(INLINE)] == INLINE and len(path) > len(INLINE):
        return field_of(path[len(INLINE) :], "dataset", tree["dataset"]["use"])
    if kind == "dataset" and path[0] == "source" and len(path) > 1 and path[1] != "kind":
        path = ("source", str(tree["source"].get("kind")), *path[1:])
    found = field_at(kind, path)
    return (kind, found) if found else None


def _known(
    keys: list[tuple[int, int, Key]], kind: FileKind, tree: Any
) -> Iterator[tuple[int, int, tuple[FileKind, Field]]]:
    for start, length, path in keys:
        found = field_of(path, kind, tree)
        if found:
            yield start, length, found


def _line(line: str, keys: Iterator[tuple[int, int, tuple[FileKind, Field]]], reference: str) -> Markup:
    """Return a line with its keys as links and its comment set apart."""
    html, at = Markup(), 0
    for start, length, (kind, field) in keys:
        link = Markup('<a class="cr-key" href="{}{}.html#{}" title="{}">{}</a>')
        words = line[start : start + length]
        html += _plain(line[at:start]) + link.format(reference, kind, field.anchor, field.sentence, words)
        at = start + length
    return html + _plain(line[at:])


def _plain(text: str) -> Markup:
    before, mark, comment = text.partition("#") if text.lstrip().startswith("#") else text.partition(" #")
    if not mark:
        return Markup.escape(text)
    return Markup('{}<span class="cr-comment">{}</span>').format(before, mark + comment)
