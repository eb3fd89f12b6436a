"""Files to start from, each with its test: a recipe, a contract, a conditioning head in a package of its own.

What is written passes its own test as it is, and no file that is there is ever written over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.files import write_text
from cosmos_recipes.recipe.spec import NAME_PATTERN

MOST_LETTERS = 64
Noun = Literal["recipe", "schema"]


@dataclass(frozen=True, kw_only=True)
class Scaffold:
    """Files that are not written yet, by path, the one to look at first; and the commands that come next."""

    files: Mapping[Path, str]
    then: tuple[str, ...]

    def write(self) -> None:
        """Write all of the files, or none where one of them is there.

        Raises:
            RecipeError: a file is there already (CR675).
        """
        there = [path for path in self.files if path.exists()]
        if there:
            raise RecipeError(*map(_is_there, there))
        for path, text in self.files.items():
            write_text(path, text)


def _is_there(path: Path) -> Problem:
    return Problem(
        code="CR675",
        message=f"{path} is there already, and is not written over",
        place=Place(file=str(path)),
        expected="a new file",
        hint="choose another name, or move the file away; nothing was written",
    )


def require_name(name: str, pattern: str = NAME_PATTERN) -> None:
    """Look whether a new thing can be called so.

    Raises:
        RecipeError: it cannot (CR679).
    """
    if not re.fullmatch(pattern, name) or len(name) > MOST_LETTERS:
        fail(
            "CR679",
            f"nothing can be called `{name}`",
            expected=f"lower-case letters and digits, with dots, dashes or underscores between them, {MOST_LETTERS} at most",
            found=name,
        )


def rendered(template: str, **values: Any) -> str:
    """Return the text of a template."""
    return _templates().get_template(f"{template}.j2").render(values)


@cache
def _templates() -> Environment:
    # What is written is YAML, TOML and Python: nothing there is escaped as in HTML.
    return Environment(
        loader=PackageLoader("cosmos_recipes.scaffold"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def place_of_test(noun: Noun, name: str, beside: Path) -> Path:
    """Return where the test of a new file is: among the working directory's tests, or else beside the file."""
    for folder in (Path("tests") / f"{noun}s", Path("tests")):
        if folder.is_dir():
            return folder / f"test_{noun}_{module_name(name)}.py"
    return beside / f"test_{noun}_{module_name(name)}.py"


def folders_above(test: Path) -> int:
    """Return how many folders above that of a test the working directory is."""
    return len(Path(os.path.relpath(test.parent.resolve(), Path.cwd())).parts)


def module_name(name: str) -> str:
    """Return what a Python module of a name is called."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in name)
    return f"_{plain}" if plain[:1].isdigit() else plain
