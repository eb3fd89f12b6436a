"""How failures look: known problems rendered, interruptions with the command that resumes, faults with a file."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, render
from cosmos_recipes.diagnostics.terminal import Control
from cosmos_recipes.files import finished
from cosmos_recipes.run.fault import noted_file

Format = Literal["text", "json", "github", "sarif"]

EXPECTED = RecipeError
_PLACES = {
    errno.EIO,
    errno.EINVAL,
    errno.ELOOP,
    errno.ENXIO,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def show(error: RecipeError, *, debug: bool = False) -> int:
    """Write the problems on standard error, with `debug` after the traceback of what made them one; return the exit code."""
    if debug and error.__context__ is not None:
        print_error("".join(traceback.format_exception(error.__context__)))
    print_error(Control(render(error.problems, "text", colour=sys.stderr.isatty())))
    return error.exit_code


def of_disk(error: OSError) -> RecipeError | None:
    """Return what is wrong with the disk or with a path that was named; None where this program is at fault."""
    if error.errno not in _PLACES | _FULL:
        return None
    named = error.filename2 or error.filename
    path = str(finished(Path(os.fsdecode(named)))) if isinstance(named, str | bytes | os.PathLike) and named else ""
    is_full = error.errno in _FULL
    return RecipeError(
        Problem(
            code="CR655" if is_full else "CR204",
            message="the disk is full" if is_full else "nothing can be read or written here",
            place=Place(file=path) if path else None,
            found=(error.strerror or str(error)).lower(),
            hint="make room; the same command goes on afterwards"
            if is_full
            else "name another place, or check its permissions and those of the folders above it",
        )
    )


@contextmanager
def rendered_as(form: Format) -> Iterator[None]:
    """Within this block, write problems on standard output in a form for machines, unless `form` is text."""
    try:
        yield
    except RecipeError as error:
        if form == "text":
            raise
        sys.stdout.write(render(error.problems, form) + "\n")
        sys.exit(error.exit_code)


def show_resume() -> None:
    """Say how to go on: the command that was interrupted goes on where it stopped."""
    print_error(f"\nInterrupted. To go on from here:\n    {shlex.join(own_command())}")


def own_command() -> list[str]:
    """Return the command that started this process, as a person would type it again here."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return sys.orig_argv
    is_on_path = (found := shutil.which(program.name)) is not None and Path(found).resolve() == program.resolve()
    return [program.name if is_on_path else str(program), *sys.argv[1:]]


def show_unexpected(error: BaseException, *, debug: bool) -> None:
    """Write what a fault of this program was in one line, and its traceback into a file (or here, with `debug`)."""
    trace = "".join(traceback.format_exception(error))
    first = (str(error).splitlines() or [""])[0]
    print_error(f"Unexpected {type(error).__name__}: {first}\nThis is a fault of cosmos-recipe, not of the recipe.")
    kept = noted_file(error)
    if debug:
        print_error(trace)
        return
    if kept:
        print_error(f"The traceback is in {kept}; `cosmos-recipe --debug …` shows it here.")
        return
    with tempfile.NamedTemporaryFile("w", prefix="cosmos-recipe-", suffix=".txt", delete=False) as file:
        file.write(f"{shlex.join(own_command())}\n\n{trace}")
    print_error(f"The traceback is in {file.name}; `cosmos-recipe --debug …` shows it here.")


def print_error(text: str) -> None:
    """Write a line on standard error; a `Control` stays one."""
    sys.stderr.write(type(text)(text.rstrip("\n") + "\n"))
    sys.stderr.flush()


def silence_output() -> None:
    """After the reader of our output has gone, keep Python from complaining about it on the way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
