"""`cosmos-recipe doctor`: whether this machine can run recipes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cosmos_recipes.run.doctor import Finding


def doctor(
    train: Annotated[bool, typer.Option("--train", help="Also train a tiny model for three steps.")] = False,
    runs: Annotated[Path, typer.Option("--runs", help="The folder of the runs.")] = Path("runs"),
) -> None:
    """Say what is installed and whether it works: libraries, devices, decoding, disk, Hub. Exits with 1 if not.

    \b
    Examples:
      cosmos-recipe doctor
      cosmos-recipe doctor --train
    """
    warnings.simplefilter("ignore")
    from cosmos_recipes.run import doctor as checks

    fine = True
    for finding in checks.examine(runs):
        fine &= _show(finding)
    if train:
        fine &= _show(checks.train_a_little())
    if not fine:
        raise typer.Exit(1)


def _show(finding: Finding) -> bool:
    typer.echo(f"{'ok  ' if finding.fine else 'BAD '} {finding.name:<20} {finding.text}")
    return finding.fine
