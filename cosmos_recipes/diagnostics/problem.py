"""What is wrong, as data: a code, a place, what was expected, what was found, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a problem is: a line and column of a file (both from 1), or a command-line argument.

    `file` is a path as the user gave it, or the argument itself (`--set train.steps=x`), in which case
    `line` and `column` are 0. `length` is the number of characters that the caret underlines.
    """

    file: str
    line: int = 0
    column: int = 0
    length: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One mistake. `code` is a key of `codes.yaml`; every text is one sentence without a final full stop."""

    code: str
    message: str
    place: Place | None = None
    expected: str = ""
    found: str = ""
    hint: str = ""


class RecipeError(Exception):
    """One or more problems that stop what was asked; the command line renders them and exits with `exit_code`."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.code}: {p.message}" for p in problems))
        self.problems = problems

    @property
    def exit_code(self) -> int:
        """2 the recipe, 3 the data, 4 training, 5 the gate, 6 publishing (the code's first digits decide)."""
        digits = self.problems[0].code[2:]
        return next(_EXIT_CODES[digits[:count]] for count in (3, 2, 1) if digits[:count] in _EXIT_CODES)


_EXIT_CODES = {"1": 2, "2": 2, "3": 2, "4": 2, "5": 3, "6": 4, "67": 2, "672": 4, "7": 6, "75": 2, "78": 2, "8": 5}


def fail(
    code: str,
    message: str,
    *,
    place: Place | None = None,
    expected: str = "",
    found: str = "",
    hint: str = "",
) -> NoReturn:
    """Raise a `RecipeError` that holds this one problem."""
    raise RecipeError(Problem(code=code, message=message, place=place, expected=expected, found=found, hint=hint))
