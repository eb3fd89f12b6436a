"""`cosmos-recipe data prepare`: the data of a recipe, ready to train on, made by any number of processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from cosmos_recipes.cli.cache import Address, Overrides, Profile, Recipe, Runs, preparation_of

Read = TypeVar("Read")


def prepare(
    recipe: Recipe,
    profile: Profile = None,
    overrides: Overrides = None,
    runs: Runs = Path("runs"),
    cache: Address = None,
    part: Annotated[
        str | None, typer.Option("--part", help="Make one part of several, for machines that share no folder: 2/8.")
    ] = None,
    limit_disk: Annotated[
        str | None, typer.Option("--limit-disk", help="Keep the cache below this size, such as '200 GB'.")
    ] = None,
) -> None:
    """Prepare the data of a recipe. Processes with the same folder of runs, on any machine, share the work by themselves.

    A process that is killed loses what it did not write yet, and another goes on. With --part only that part is made;
    afterwards the same command without it, or the run, finds everything there.

    \b
    Examples:
      cosmos-recipe data prepare factory
      cosmos-recipe data prepare factory --limit-disk '200 GB'
      cosmos-recipe data prepare factory --part 2/8 --cache s3://bucket/latents
    """
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.data.cache.filling import Part
    from cosmos_recipes.recipe.quantities import parse_quantity
    from cosmos_recipes.run.outcome import outcome

    limit_bytes = _read(limit_disk, "--limit-disk", lambda text: int(parse_quantity(text, "memory")))
    chosen = _read(part, "--part", Part.parse)
    preparation, screen = preparation_of(recipe, profile, overrides, runs, cache, limit_bytes), Screen()
    try:
        if chosen:
            preparation.encode(screen, part=chosen)
            typer.echo(f"part {part} is in {preparation.cache}")
        else:
            typer.echo(outcome("prepare", preparation.perform(screen)))
    finally:
        screen.close()


def _read(text: str | None, option: str, read: Callable[[str], Read]) -> Read | None:
    try:
        return read(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
