"""`cosmos-recipe cp`: start a recipe of your own from one of the library."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cosmos_recipes.cli import complete

_SCHEMA_LINE = re.compile(r"^(# yaml-language-server: \$schema=)(\S+)")


def cp(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe: a name from `cosmos-recipe ls recipes`, or a path.", autocompletion=complete.recipes
        ),
    ],
    to: Annotated[Path, typer.Argument(help="The new file, or a folder for it.")] = Path(),
) -> None:
    """Copy a recipe, with its relative paths rewritten so that the copy works where it is.

    \b
    Examples:
      cosmos-recipe cp factory
      cosmos-recipe cp factory my/first.yaml
    """
    from cosmos_recipes.files import write_text
    from cosmos_recipes.recipe.library import find

    source = find("recipes", recipe)
    target = to / source.name if to.is_dir() else to
    if target.exists():
        raise typer.BadParameter(f"{target} exists; name another file, or remove it", param_hint="TO")
    write_text(target, rewritten(source, target))
    typer.echo(f"Wrote {target}. Next: cosmos-recipe check {target}")


def rewritten(source: Path, target: Path) -> str:
    """Return the text of `source` with every relative path in it as seen from the folder of `target`."""
    from cosmos_recipes.recipe.located import read_located

    located = read_located(source)
    lines = source.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    lines[0] = _SCHEMA_LINE.sub(lambda found: found[1] + _seen_from(found[2], source, target), lines[0])
    for key, value in _references(located.tree):
        place = located.values[key]
        before, after = lines[place.line - 1][: place.column - 1], lines[place.line - 1][place.column - 1 :]
        lines[place.line - 1] = before + after.replace(value, _seen_from(value, source, target), 1)
    return "".join(lines)


def _references(tree: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield key and value of everything in a recipe that may be a path."""
    profiles = tree.get("profiles")
    overlays = profiles if isinstance(profiles, dict) else {}
    blocks: dict[tuple[str, ...], Any] = {(): tree, **{("profiles", name): each for name, each in overlays.items()}}
    for prefix, block in blocks.items():
        for key in (("extends",), ("dataset", "use")):
            value: Any = block
            for part in key:
                value = value.get(part) if isinstance(value, dict) else None
            if isinstance(value, str) and _is_relative(value):
                yield (*prefix, *key), value


def _is_relative(value: str) -> bool:
    from cosmos_recipes.recipe.library import is_path

    return is_path(value) and not value.startswith(("hf://", "~", "/", "$"))


def _seen_from(reference: str, source: Path, target: Path) -> str:
    path = Path(os.path.relpath((source.parent / reference).resolve(), target.parent.resolve())).as_posix()
    return path if path.startswith(".") or "/" in path else f"./{path}"
