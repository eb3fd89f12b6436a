"""What every job does on each of its machines, in shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from cosmos_recipes.launch.job import Job
from cosmos_recipes.launch.package import SUMS

PORT = 29500
"""Where the machines of a job meet on the first of them, if nothing else decides it."""


def checked(package: str) -> str:
    """Return a line that ends the job unless the package is what was sent."""
    said = "the package of this job is not what was sent"
    return f"(cd {shlex.quote(package)} && sha256sum --check --quiet {SUMS}) || {{ echo {shlex.quote(said)} >&2; exit 2; }}"


def command(python: str, package: str, job: Job, *more: str) -> list[str]:
    """Return the command that runs a job from its package, wherever that lies; `more` may hold words for the shell."""
    words = (python, "-m", "cosmos_recipes", "run", f"{package}/plan.yaml", "--runs", job.root)
    return [*map(shlex.quote, words), *(["--frozen"] if job.frozen else []), *more]


def script(
    setup: Sequence[str], package: str, run: Sequence[str], *, install: str | None = None, code: str | None = None
) -> str:
    """Return a script for a machine whose environment is made by others: lines of `setup`, the check, and the run."""
    from ruamel.yaml.scalarstring import LiteralScalarString

    # Of the code that is packed, and not of the folder that the job begins in.
    lines = ["set -e", *setup, checked(package), "export PYTHONSAFEPATH=1"]
    if install:
        lines.append(f"{shlex.quote(install)} -m pip install --quiet {shlex.quote(package)}/*.whl")
    if code:
        lines.append(f"export PYTHONPATH={shlex.quote(code)}")
    text: str = LiteralScalarString("\n".join([*lines, f"exec {' '.join(run)}"]) + "\n")
    return text
