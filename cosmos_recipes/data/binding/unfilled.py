"""What a drafted data set file leaves to its user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.recipe.places import Key, PlaceOf

UNFILLED = "?"
"""Stands where only the user knows."""


def require_filled(tree: Any, place_of: PlaceOf) -> None:
    """Refuse a file in which something is still to be filled in.

    Raises:
        RecipeError: every such place (CR592).
    """
    problems = [
        Problem(
            code="CR592",
            message=f"`{key[-1] if not key[-1].isdecimal() else key[-2]}` is still to be filled in",
            place=place_of(key, False),
            expected="what only you know; the comment beside it says what it is about",
            found=UNFILLED,
        )
        for key in _unfilled(tree, ())
    ]
    if problems:
        raise RecipeError(*problems)


def _unfilled(node: Any, path: Key) -> Iterator[Key]:
    if node == UNFILLED:
        yield path
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _unfilled(value, (*path, key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _unfilled(value, (*path, str(number)))
