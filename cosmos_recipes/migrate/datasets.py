"""Data set files out of folders whose layout another tool defines, and their text with where each value is from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cosmos_recipes.data.draft import Draft, name_of
from cosmos_recipes.data.draft.choice import choose
from cosmos_recipes.diagnostics import RecipeError, visible
from cosmos_recipes.migrate.base import Migrated, Wishes
from cosmos_recipes.migrate.found_data import filled_draft
from cosmos_recipes.migrate.ledger import Left
from cosmos_recipes.migrate.recipe_file import left_lines
from cosmos_recipes.recipe.editor import schema_line

_VALUE = re.compile(r'^\s*[\w.-]+: "?([^"#]+?)"?\s*$')
_HEAD = 2
"""Lines of a draft before its first key."""


def data_set(root: Path, kind: str, wishes: Wishes) -> tuple[Draft, Path]:
    """Return the data set file of what lies in a folder, read as a source of that kind, and where it is to be written.

    Raises:
        RecipeError: it cannot be read so.
    """
    target = wishes.output or Path("datasets") / f"{name_of(root)}.yaml"
    found, _ = choose(root, kind)
    if found.problems:
        raise RecipeError(*found.problems)
    return filled_draft(found, root, target, wishes.schema), target


def migrated(
    draft: Draft,
    origins: Mapping[str, str],
    *,
    name: str,
    tool: str,
    target: Path,
    carried: int,
    left: Sequence[Left],
) -> Migrated:
    """Return a drafted data set file with where its values are from, and what is left of the old one."""
    said = f"# Migrated from {visible(name)} of {tool} by `cosmos-recipe migrate`"
    lines = [
        schema_line("dataset", target),
        f"{said}; what could not be carried over stands at the end." if left else f"{said}.",
        *_with_origins(draft.text.splitlines()[_HEAD:], origins),
        *map(visible, left_lines(left, name)),
    ]
    text = "\n".join(lines) + "\n"
    return Migrated(kind="data set", target=target, text=text, carried=carried, chosen=(), left=left)


def _with_origins(lines: Sequence[str], origins: Mapping[str, str]) -> Iterator[str]:
    for line in lines:
        found = _VALUE.match(line)
        origin = origins.get(found[1]) if found else None
        yield f"{line}  # {visible(origin)}" if origin else line
