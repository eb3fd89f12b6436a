"""`cosmos-recipe resume`: go on with a run by its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmos_recipes.cli import complete


def resume(
    run: Annotated[
        Path, typer.Argument(help="The folder of a run.", exists=True, file_okay=False, autocompletion=complete.runs)
    ],
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Refuse whatever is not as the lock of the run says.")
    ] = False,
    nproc: Annotated[int | None, typer.Option("--nproc", min=1, help="Processes that train; the plan says.")] = None,
) -> None:
    """Go on with a run that was interrupted, from what its folder holds; the recipe is not read again.

    What is no longer as it was when the training began (packages, code, data, base, contract) is told, and with --frozen
    refused.

    \b
    Examples:
      cosmos-recipe resume runs/factory/base-1a2b3c4d
      cosmos-recipe resume runs/factory/base-1a2b3c4d --frozen
    """
    from cosmos_recipes.cli.run import carry_out
    from cosmos_recipes.run.opening import open_plan, root_of

    opened = open_plan(run, frozen=frozen)
    carry_out(opened, root=_from_here(root_of(run, opened.plan)), nproc=nproc)


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
