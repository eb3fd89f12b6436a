"""The command-line tools of clusters: run, with clear errors, and read strictly."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from cosmos_recipes.diagnostics import fail
from cosmos_recipes.launch.target import Target


def call(target: type[Target], *arguments: str, secrets: Mapping[str, str] | None = None) -> str:
    """Run a target's program, or another that comes with it, and return what it says; `secrets` are for its environment.

    Raises:
        RecipeError: there is no such program (CR656), or it ends with an error (CR657).
    """
    try:
        done = subprocess.run(
            arguments, env=_environment(secrets), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        _missing(target, arguments[0])
    if done.returncode:
        _refused(arguments, done.returncode, done.stderr or done.stdout)
    return done.stdout


def stream(target: type[Target], *arguments: str, secrets: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the lines that a program writes, until it ends; leaving early ends it. Raises as `call` does."""
    try:
        process = subprocess.Popen(
            arguments,
            env=_environment(secrets),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C is for this program, which then says that the job goes on.
            start_new_session=True,
        )
    except FileNotFoundError:
        _missing(target, arguments[0])
    last = ""
    with process:
        try:
            for line in process.stdout or ():
                last = line
                yield line.rstrip("\n")
        finally:
            process.terminate()
    if process.returncode > 0:
        _refused(arguments, process.returncode, last)


def found_in(text: str, pattern: str, *, said_by: Sequence[str]) -> str:
    """Return the first group of `pattern` in what a program said.

    Raises:
        RecipeError: it says nothing of the kind (CR658).
    """
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        _not_understood(said_by, text)
    return match[1]


def json_of(text: str, *, said_by: Sequence[str]) -> Any:
    """Return what a program said as JSON; raises RecipeError (CR658) where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        _not_understood(said_by, text)


def hub_token(file: str | None) -> dict[str, str]:
    """Return the Hub's token from a file, for the environment of a program; nothing where no file is named.

    Raises:
        RecipeError: the file cannot be read (CR659).
    """
    if file is None:
        return {}
    try:
        return {"HF_TOKEN": Path(file).expanduser().read_text(encoding="utf-8").strip()}
    except OSError as error:
        fail(
            "CR659",
            "the file with the Hub's token cannot be read",
            expected="a file that holds the token and nothing else",
            found=f"{file}: {(error.strerror or str(error)).lower()}",
            hint="correct `token_file` of the cluster",
        )


def _environment(secrets: Mapping[str, str] | None) -> dict[str, str]:
    # A program that was installed beside this Python is found even where that environment is not activated.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    return {**os.environ, "PATH": path, **(secrets or {})}


def _missing(target: type[Target], program: str) -> NoReturn:
    fail(
        "CR656",
        f"the program `{program}` is not installed",
        expected=f"`{program}` on the PATH of this machine",
        hint=target.install,
    )


def _refused(arguments: Sequence[str], code: int, said: str) -> NoReturn:
    lines = [line for line in said.strip().splitlines() if line.strip()]
    fail(
        "CR657",
        f"`{arguments[0]}` refused",
        found=" ".join(lines[-3:]) or f"exit code {code}",
        hint=f"it was called so: {shlex.join(arguments)}",
    )


def _not_understood(said_by: Sequence[str], text: str) -> NoReturn:
    fail(
        "CR658",
        f"what `{said_by[0]}` said is not understood",
        found=text.strip()[:200] or "nothing",
        hint=f"see what it says to: {shlex.join(said_by)}",
    )
