"""Where the traceback of an unexpected error goes: into a file of the run, whose path travels with the error."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from cosmos_recipes.diagnostics import RecipeError


class FaultFile:
    """A block whose unexpected errors leave their traceback in a file; a block that ends otherwise removes the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        self.path.unlink(missing_ok=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, RecipeError):
            self.path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
            error.add_note(NOTE + str(self.path))


NOTE = "The traceback is in "


def noted_file(error: BaseException) -> str | None:
    """Return the file that holds the traceback of an error, if there is one."""
    notes = getattr(error, "__notes__", ())
    return next((note.removeprefix(NOTE) for note in notes if note.startswith(NOTE)), None)
