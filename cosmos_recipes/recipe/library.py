"""Where recipes, schemas and data sets are found: a path, the working directory's folder, then the packaged library."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.diagnostics.nearest import nearest

Kind = Literal["recipes", "schemas", "datasets"]
_PACKAGE = Path(__file__).parents[1]


def find(kind: Kind, name: str, *, relative_to: Path | None = None, place: Place | None = None) -> Path:
    """Return the file that `name` stands for; paths are relative to `relative_to`, else to the working directory.

    Raises:
        RecipeError: there is no such file (CR200), or it would come from the Hub (CR201).
    """
    if name.startswith("hf://"):
        fail("CR201", "recipes and data sets from the Hub cannot be read yet", place=place, expected="a name or a path", found=name, hint="download it and name its path")
    if is_path(name):
        path = (relative_to or Path()) / Path(name).expanduser()
        if not path.exists():
            fail("CR200", f"there is no file {path}", place=place, expected="the path of a file that exists", hint=_close_file(path))
        return path
    known = names(kind)
    if name not in known:
        close = nearest(name, known)
        noun = {"recipes": "recipe", "schemas": "schema", "datasets": "data set"}[kind]
        fail("CR200", f"there is no {noun} called `{name}`", place=place, expected=f"one of {', '.join(known)}, or a path", found=name, hint=f"did you mean `{close}`?" if close else "write ./NAME for a path")
    return known[name]


def is_path(name: str) -> bool:
    """Return whether a reference is a path, not a name."""
    return "/" in name or name.startswith((".", "~")) or name.endswith((".yaml", ".yml"))


def names(kind: Kind) -> dict[str, Path]:
    """Return the names that can be used without a path, and their files; the working directory's come first."""
    found: dict[str, Path] = {}
    for folder in (Path(kind), packaged(kind)):
        for path in sorted(folder.glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def packaged(kind: Kind) -> Path:
    """Return the folder that is shipped with the package: inside the wheel, or the checkout's own."""
    shipped = _PACKAGE / "library" / kind
    return shipped if shipped.is_dir() else _PACKAGE.parent / kind


def _close_file(path: Path) -> str:
    close = nearest(path.name, (other.name for other in path.parent.glob("*"))) if path.parent.is_dir() else None
    return f"did you mean `{path.parent / close}`?" if close else f"the working directory is {Path.cwd().name}/"
