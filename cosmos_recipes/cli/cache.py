"""`cosmos-recipe cache`: the latents that data sets share: why they are reused or not, filling, clearing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from cosmos_recipes.data.cache.explain import Explanation
    from cosmos_recipes.run.prepare import Preparation

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Recipe = Annotated[str, typer.Argument(help="A recipe: a name or a path.")]
Profile = Annotated[str | None, typer.Option("--profile", "-p", help="A profile of the recipe.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Change a value: key.path=value; may be repeated.")]
Runs = Annotated[Path, typer.Option("--runs", help="The folder of the runs.")]
Address = Annotated[
    str | None,
    typer.Option(
        "--cache",
        help="A folder or a URL; by default $COSMOS_RECIPES_CACHE, or in the folder of the runs.",
        metavar="URL",
    ),
]
Read = TypeVar("Read")


@app.callback()
def cache() -> None:
    """Latents are made once, and shared by all recipes with the same data, window, size and tokenizer.

    \b
    Examples:
      cosmos-recipe cache explain factory
      cosmos-recipe cache fill factory --part 2/8 --cache s3://bucket/latents
      cosmos-recipe cache clear --older-than 30
    """


@app.command("explain", short_help="Say which latents of a recipe are there, and why others are not.")
def explain(
    recipe: Recipe,
    profile: Profile = None,
    overrides: Overrides = None,
    runs: Runs = Path("runs"),
    cache: Address = None,
) -> None:
    """Say how many latents of a recipe are in the cache already, and what differs from the nearest ones otherwise.

    The index of the recipe's clips is needed for that: it is made first if it is not there, and kept for the run.

    \b
    Examples:
      cosmos-recipe cache explain factory
      cosmos-recipe cache explain factory --set dataset.clip.size=128x128
    """
    from cosmos_recipes.cli.screen import Screen

    preparation, screen = _preparation(recipe, profile, overrides, runs, cache), Screen()
    try:
        found = preparation.explain(screen)
    finally:
        screen.close()
    typer.echo("\n".join(explanation_lines(found, preparation.cache)))


@app.command("fill", short_help="Make the latents of a recipe, on any number of machines at once.")
def fill(
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
      cosmos-recipe cache fill factory
      cosmos-recipe cache fill factory --limit-disk '200 GB'
      cosmos-recipe cache fill factory --part 2/8 --cache s3://bucket/latents
    """
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.data.cache.filling import Part
    from cosmos_recipes.recipe.quantities import parse_quantity
    from cosmos_recipes.run.outcome import outcome

    limit_bytes = _read(limit_disk, "--limit-disk", lambda text: int(parse_quantity(text, "memory")))
    chosen = _read(part, "--part", Part.parse)
    preparation, screen = _preparation(recipe, profile, overrides, runs, cache, limit_bytes), Screen()
    try:
        if chosen:
            preparation.encode(screen, part=chosen)
            typer.echo(f"part {part} is in {preparation.cache}")
        else:
            typer.echo(outcome("prepare", preparation.perform(screen)))
    finally:
        screen.close()


@app.command("clear", short_help="Remove latents that no prepared data needs any more.")
def clear(
    older_than: Annotated[
        float, typer.Option("--older-than", min=0, help="Days since they were last needed.", metavar="DAYS")
    ] = 0,
    runs: Runs = Path("runs"),
    cache: Address = None,
) -> None:
    """Remove latents that were not needed for some days; those of prepared folders on the same disk stay.

    \b
    Example:
      cosmos-recipe cache clear --older-than 30
    """
    from cosmos_recipes.data.cache import Cache
    from cosmos_recipes.data.cache.limits import clear as clear_cache
    from cosmos_recipes.run.prepare import cache_url

    url = cache_url(runs, cache)
    freed_bytes = clear_cache(Cache(url), unused_for_s=older_than * 24 * 3600)
    typer.echo(f"{freed_bytes / 1e9:.3g} GB removed from {url}")


def explanation_lines(found: Explanation, where: str) -> list[str]:
    """Return what `explain` found, a line for each reason."""
    lines = [f"{found.reused:,} of {found.wanted:,} latents are in {where}"]
    return lines + [f"  {count:,} are not: {reason}" for reason, count in found.reasons.items()]


def _preparation(
    recipe: str,
    profile: str | None,
    overrides: list[str] | None,
    runs: Path,
    cache: str | None,
    limit_bytes: int | None = None,
) -> Preparation:
    from cosmos_recipes.run.opening import open_recipe
    from cosmos_recipes.run.prepare import Preparation

    plan = open_recipe(recipe, profile=profile, overrides=overrides or []).plan
    return Preparation.of(plan, runs, cache=cache, limit_bytes=limit_bytes)


def _read(text: str | None, option: str, read: Callable[[str], Read]) -> Read | None:
    try:
        return read(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
