"""The one place where a path that a file names becomes a path of this machine, confined where the file is a stranger's.

A file of one's own may name any path. One that came with a repository (a snapshot of the Hub, or a package with its
manifest) names what came with it: nothing absolute, no home, no way out by `..` or a link.
"""

from __future__ import annotations

import re
from functools import lru_cache
from os.path import abspath, normpath, realpath
from pathlib import Path

from cosmos_recipes.diagnostics import Place, fail

_PATTERN = re.compile(r"[*?\[{]")
_SNAPSHOTS = "snapshots"
_MANIFEST, _RECIPE = "MANIFEST.json", "recipe.yaml"
_REFERENCES, _BLOBS = "refs", "blobs"


def path_in(folder: Path, said: str, *, place: Place | None = None) -> Path:
    """Return a path that a file in `folder` names; `place` is where it says so. Links are left as they are.

    Raises:
        RecipeError: it is no path (CR122), leads out of the repository of its file (CR123), or holds all of a machine
            (CR124).
    """
    path = Path(normpath(folder / _expanded(said, place)))
    root = repository_of(folder) if folder.is_absolute() else None
    if root is not None:
        _require_inside(path, said, root, place)
    _require_end(path, said, place)
    if root is None and _is_everything(Path(realpath(fixed_part(path)))):
        fail(
            "CR124",
            f"`{said}` holds everything that is on this machine, or all that is yours",
            place=place,
            expected="the folder of the data alone",
            found=str(path),
            hint="all of it would be searched through: name the folder that the data is in",
        )
    return path


def named_in(folder: Path, said: str, *, place: Place | None = None) -> Path:
    """Return a path that data in `folder` names, such as a table its videos; of a repository it stays in it.

    Raises:
        RecipeError: it is no path (CR122), or leads out of the repository (CR123).
    """
    if not said or "\0" in said:
        fail("CR122", "this is no path", place=place, expected="the path of a file", found=f"`{said}`")
    path, root = folder / said, _repository_of(abspath(folder))
    if root is not None:
        _require_inside(Path(abspath(path)), said, root, place)
    return path


@lru_cache(maxsize=256)
def _repository_of(folder: str) -> Path | None:
    return repository_of(Path(folder))


def folder_of(file: Path) -> Path:
    """Return the folder that the paths in a file start from, absolute where it is a repository's."""
    # `Path()` stands for the command line, which may name anything.
    return file.parent.absolute() if repository_of(file.parent) else file.parent


def repository_of(folder: Path) -> Path | None:
    """Return the repository that a folder was published or downloaded with; None where it is one's own."""
    here = Path(abspath(folder))
    for root in (here, *here.parents):
        is_snapshot = root.parent.name == _SNAPSHOTS and (root.parent.parent / _REFERENCES).is_dir()
        if is_snapshot or ((root / _MANIFEST).is_file() and (root / _RECIPE).is_file()):
            return root
    return None


def fixed_part(path: Path) -> Path:
    """Return the folder that a pattern starts from, with no `*`, `?`, `[` or `{` in it; a path without any is its own."""
    first = next((number for number, part in enumerate(path.parts) if _PATTERN.search(part)), None)
    return path if first is None else Path(*path.parts[:first])


def _expanded(said: str, place: Place | None) -> Path:
    if not said or "\0" in said:
        fail("CR122", "this is no path", place=place, expected="the path of a file or a folder", found=f"`{said}`")
    try:
        return Path(said).expanduser()
    except RuntimeError:
        fail(
            "CR122",
            f"`{said}` is in the home of nobody on this machine",
            place=place,
            expected="a path of this machine; ~/ is your own home",
            found=said,
            hint="write ./ before it if a name begins with ~",
        )


def _require_end(path: Path, said: str, place: Place | None) -> None:
    try:
        path.resolve()
    except (RuntimeError, OSError):
        fail(
            "CR122",
            f"`{said}` is a link that leads nowhere but to itself",
            place=place,
            expected="the path of a file or a folder",
            found=str(path),
        )


def _require_inside(path: Path, said: str, root: Path, place: Place | None) -> None:
    # The client of the Hub keeps contents beside the snapshots, which link to them.
    real, kept = Path(realpath(path)), (Path(realpath(root)), Path(realpath(root.parent.parent / _BLOBS)))
    is_absolute = said.startswith(("/", "~"))
    if is_absolute or not path.is_relative_to(abspath(root)) or not any(map(real.is_relative_to, kept)):
        fail(
            "CR123",
            f"`{said}` leads out of the repository that this file came with",
            place=place,
            expected="a relative path that stays in the repository",
            found="an absolute path" if is_absolute else "a path or a link that leads elsewhere",
            hint="if you mean it, say it yourself: --set dataset.use=PATH, or a file of your own with `extends`",
        )


def _is_everything(path: Path) -> bool:
    """Return whether a folder holds the home of whoever runs this, or all that there is."""
    try:
        return Path.home().is_relative_to(path) or len(path.parts) == 1
    except RuntimeError:
        return len(path.parts) == 1
