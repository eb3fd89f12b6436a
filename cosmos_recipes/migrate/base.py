"""What a format is that can be migrated from; each is one module, found by its entry point."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import ClassVar, Literal, NoReturn

from cosmos_recipes.diagnostics import Place, fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.migrate.ledger import Chosen, Left

Kind = Literal["recipe", "data set"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What the user said besides the path: where to write to, and what the file leaves open."""

    output: Path | None = None
    dataset: str | None = None
    backbone: str | None = None
    experiment: str | None = None
    schema: str | None = None

    def refuse(self, format_name: str, *ignored: str) -> None:
        """Refuse wishes that this format would ignore.

        Raises:
            RecipeError: one of them was said (CR785).
        """
        for name in ignored:
            if getattr(self, name) is not None:
                fail(
                    "CR785",
                    f"`--{name}` says nothing about a file of the format `{format_name}`",
                    place=Place(file=f"--{name} {getattr(self, name)}"),
                    hint="leave it out",
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Migrated:
    """A file that is not written yet, what it has from elsewhere, and what of the old file is not in it."""

    kind: Kind
    target: Path
    text: str
    carried: int
    chosen: Sequence[Chosen]
    left: Sequence[Left]


class Format(ABC):
    """What another tool trains from. `looks_for` says in a few words what it is recognised by.

    Of several formats that recognise a path it is the one with the greatest `detail`: 1 for a file that only it has, 0 for
    folders that another may have too.
    """

    looks_for: ClassVar[str]
    detail: ClassVar[int] = 1

    @classmethod
    @abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file or a folder has this format, by what is in it."""

    @classmethod
    @abstractmethod
    def migrate(cls, path: Path, wishes: Wishes) -> Migrated:
        """Return what it comes to.

        Raises:
            RecipeError: it cannot be read (CR781), is nothing that a recipe does (CR782), or leaves open what only the
                user knows (CR783, CR784).
        """


@cache
def formats() -> Mapping[str, type[Format]]:
    """Return every installed format by name, the one that is told most surely first."""
    found = {entry.name: entry.load() for entry in entry_points(group="cosmos_recipes.migrations")}
    return dict(sorted(found.items(), key=lambda item: (-item[1].detail, item[0])))


def format_of(path: Path, name: str | None) -> tuple[str, type[Format]]:
    """Return the format of that name, or the one that recognises what lies at a path.

    Raises:
        RecipeError: there is no such format, or none fits (CR780).
    """
    known = formats()
    if name is None:
        name = next((each for each, found in known.items() if found.recognises(path)), None)
    if name is None or name not in known:
        _fail_format(path, name)
    return name, known[name]


def _fail_format(path: Path, name: str | None) -> NoReturn:
    known = formats()
    close = nearest(name, known) if name else None
    fail(
        "CR780",
        f"there is no format `{name}`" if name else f"nothing is known that trains from {path.name}",
        place=Place(file=f"--from {name}" if name else str(path)),
        expected=listed(known if name else (each.looks_for for each in known.values())),
        hint=f"did you mean `{close}`?"
        if close
        else "say what it is with `--from`, and why it is not that will be said",
    )
