"""Reading a YAML file that another file names, of which nothing is shown unless it is one of ours or lies where we work."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cosmos_recipes.diagnostics import Place, RecipeError, fail
from cosmos_recipes.recipe.library import packaged
from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.places import Located

_SUFFIXES = (".yaml", ".yml")


def read_referred(path: Path, noun: str, *, keys: Collection[str], folder: Path, place: Place | None) -> Located:
    """Read the file that a file in `folder` names at `place`: a `noun`, whose top level has no other keys than `keys`.

    What is wrong in a file that lies neither below `folder`, nor below the working directory, nor in the library is not
    told in detail: an error text would show lines of a file that whoever wrote the reference may not read.

    Raises:
        RecipeError: as `read_located`; or it is no such file (CR125).
    """
    real = path.resolve()
    if any(real.is_relative_to(root.resolve()) for root in (folder, Path(), packaged("recipes").parent)):
        return read_located(path)
    if path.suffix not in _SUFFIXES or (
        path.is_file() and real.suffix not in _SUFFIXES and real.parent.name != "blobs"
    ):
        _refuse(path, noun, f"a file that does not end in {' or '.join(_SUFFIXES)}", place)
    try:
        located = read_located(path)
    except RecipeError as error:
        _refuse(path, noun, f"{error.problems[0].code} in it", place)
    if not located.tree.keys() <= set(keys):
        _refuse(path, noun, "other keys than those of one", place)
    return located


def _refuse(path: Path, noun: str, found: str, place: Place | None) -> None:
    fail(
        "CR125",
        f"`{path}` is no {noun}",
        place=place,
        expected=f"a {noun}, in a .yaml file",
        found=found,
        hint="it lies elsewhere, so nothing of it is shown here; if it is yours, check it by itself",
    )
