"""A recipe as text: each value with where it is from, and at the end what could not be carried over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cosmos_recipes.data.dataset_text import flow
from cosmos_recipes.diagnostics import visible
from cosmos_recipes.migrate.ledger import Carried, Chosen, Ledger, Left
from cosmos_recipes.recipe.editor import schema_line
from cosmos_recipes.recipe.spec import Recipe

_WIDEST = 44
"""Columns that values take before their comment."""


def recipe_text(ledger: Ledger, *, tool: str, target: Path) -> str:
    """Return the recipe that the entries of a ledger make, as it is to be written to `target`."""
    name = Path(ledger.file).name
    lines = [
        schema_line("recipe", target),
        f"# Migrated from {name} of {tool} by `cosmos-recipe migrate`; what could not be carried over stands at the end.",
        *_block(_tree(ledger.entries), 0),
        *left_lines(ledger.left, name),
    ]
    return "\n".join(map(visible, lines)) + "\n"


def left_lines(left: Sequence[Left], name: str) -> Iterator[str]:
    """Yield comments that say what is not carried over, its line, and why."""
    if left:
        yield f"# Not carried over from {name}:"
    for each in left:
        line = f" (line {each.place.line})" if each.place.line else ""
        yield f"#   {each.key}: {each.value}{line}"
        yield f"#     {each.why}"


def _tree(entries: Sequence[Carried | Chosen]) -> dict[str, Any]:
    """Return the entries as a tree, its leaves entries, in the order of the language."""
    order = list(Recipe.model_fields)
    tree: dict[str, Any] = {}
    for entry in sorted(entries, key=lambda entry: order.index(entry.to[0])):
        block = tree
        for part in entry.to[:-1]:
            block = block.setdefault(part, {})
        block[entry.to[-1]] = entry
    return tree


def _block(tree: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in tree.items():
        name = f"{'  ' * depth}{flow(key)}:"
        if isinstance(value, Carried | Chosen):
            yield from _entry(name, value, depth)
        elif isinstance(value, dict) and value:
            yield name
            yield from _block(value, depth + 1)
        else:
            yield f"{name} {flow(value)}"


def _entry(name: str, entry: Carried | Chosen, depth: int) -> Iterator[str]:
    comment = entry.origin if isinstance(entry, Carried) else f"chosen here: {entry.why}"
    if isinstance(entry.value, dict):
        yield f"{name:<{_WIDEST}} # {comment}"
        yield from _block(entry.value, depth + 1)
    else:
        yield f"{f'{name} {flow(entry.value)}':<{_WIDEST}} # {comment}"
