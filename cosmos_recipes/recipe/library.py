"""Where recipes, schemas and data sets are found: a path, the working directory's folder, then the packaged library."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from cosmos_recipes.diagnostics import Place, fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.recipe.paths import path_in

Kind = Literal["recipes", "schemas", "datasets"]
_HUB_MODEL = re.compile(r"(?:hf:/|(?:https://)?huggingface\.co/)?(?P<model>\w[\w.-]*/\w[\w.-]*(?:@[\w.-]+)?)/?")
_PACKAGE = Path(__file__).parents[1]
_NOUNS = {"recipes": "recipe", "schemas": "schema", "datasets": "data set"}


def find(kind: Kind, name: str | Path, *, relative_to: Path | None = None, place: Place | None = None) -> Path:
    """Return the file that a name or path stands for; paths are relative to `relative_to`, else to the working directory.

    Raises:
        RecipeError: there is no such file (CR100) or name (CR200), it would come from the Hub (CR201), or the path may not be
            named there (CR122 to CR124).
    """
    text = str(name)
    if text.startswith("hf://"):
        fail(
            "CR201",
            f"a {_NOUNS[kind]} cannot be read from the Hub",
            place=place,
            expected="a name or a path",
            found=text,
            hint="download the file and name its path",
        )
    if isinstance(name, Path) or is_path(text):
        path = path_in(relative_to or Path(), text, place=place)
        if not path.exists():
            _fail_path(path, place, _hub_model(text) if kind == "recipes" else None)
        return path
    known = names(kind)
    if text not in known:
        close = nearest(text, known)
        expected = f"{listed(known)}, or a path" if known else "a path"
        hint = f"did you mean `{close}`?" if close else f"write ./{text} if it is a path"
        fail(
            "CR200",
            f"there is no {_NOUNS[kind]} called `{text}`",
            place=place,
            expected=expected,
            found=text,
            hint=hint,
        )
    return known[text]


def is_path(name: str) -> bool:
    """Return whether a reference is a path, not a name."""
    return "/" in name or name.startswith((".", "~")) or name.endswith((".yaml", ".yml"))


def names(kind: Kind) -> dict[str, Path]:
    """Return the names that can be used without a path, and their files; the working directory's come first.

    Recipes may lie in subfolders, such as those of `recipes/community/`.

    Raises:
        RecipeError: two recipes of a folder, or of its subfolders, have the same name (CR673).
    """
    return _named(kind, packaged(kind)) | _named(kind, Path(kind))


def _named(kind: Kind, folder: Path) -> dict[str, Path]:
    if kind != "recipes":
        return {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.yaml")):
        first = found.setdefault(path.stem, path)
        if first != path:
            fail(
                "CR673",
                f"two recipes are called `{path.stem}`",
                place=Place(file=str(path)),
                expected="a name that no other recipe of the folder and its subfolders has",
                found=str(first),
                hint="rename one of the two files, and its `recipe:`",
            )
    return found


def seen_from(path: Path, folder: Path) -> str:
    """Return an absolute path as it is written in a file of that folder; as it is, if they have nothing in common."""
    if os.path.commonpath([path, folder.resolve()]) == os.sep:
        return path.as_posix()
    relative = Path(os.path.relpath(path, folder.resolve())).as_posix()
    return relative if relative.startswith(".") else f"./{relative}"


def packaged(kind: Kind) -> Path:
    """Return the folder that is shipped with the package: inside the wheel, or the checkout's own."""
    shipped = _PACKAGE / "library" / kind
    return shipped if shipped.is_dir() else _PACKAGE.parent / kind


def _hub_model(text: str) -> str | None:
    """Return the model on the Hub that a reference may have meant: owner/name, or the address of its page."""
    meant = _HUB_MODEL.fullmatch(text)
    return f"hf://{meant['model']}" if meant and not text.endswith((".yaml", ".yml")) else None


def _fail_path(path: Path, place: Place | None, model: str | None) -> None:
    folder = next((parent for parent in path.parents if parent.is_dir()), Path())
    wanted = path.relative_to(folder).parts[0] if folder in path.parents else path.name
    here = {other.stem if other.suffix == Path(wanted).suffix else other.name: other.name for other in folder.iterdir()}
    close = here.get(nearest(Path(wanted).stem, here) or "")
    hint = f"did you mean `{folder / close}`?" if close else f"there is nothing like it in {folder.resolve().name}/"
    if model and not close:
        hint += f"; a model on the Hub is `{model}`"
    fail(
        "CR100",
        f"there is no file `{path}`",
        place=place or Place(file=str(path)),
        expected="the path of a file that exists",
        hint=hint,
    )
