"""Files to start from, each with its test: a recipe, a contract, a conditioning head in a package of its own.

What is written passes its own test as it is, and no file that is there is ever written over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cosmos_recipes.diagnostics import Place, Problem, RecipeError
from cosmos_recipes.files import write_text


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


def test_file(kind: str, name: str, beside: Path) -> Path:
    """Return where the test of a new file is: among the others of the working directory's `tests/KIND`, or beside the file."""
    others = Path("tests") / kind
    return (others if others.is_dir() else beside) / f"test_{module_name(name)}.py"


def module_name(name: str) -> str:
    """Return what a Python module of a name is called."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in name)
    return f"_{plain}" if plain[:1].isdigit() else plain
