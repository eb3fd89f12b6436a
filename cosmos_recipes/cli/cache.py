"""`cosmos-recipe cache`: the latents that data sets share: why they are reused or not, clearing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos_recipes.cli import complete

if TYPE_CHECKING:
    from cosmos_recipes.data.cache.explain import Explanation
    from cosmos_recipes.run.prepare import Preparation

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Recipe = Annotated[str, typer.Argument(help="A recipe: a name or a path.", autocompletion=complete.recipes)]
Profile = Annotated[
    str | None, typer.Option("--profile", "-p", help="A profile of the recipe.", autocompletion=complete.profiles)
]
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


@app.callback()
def cache() -> None:
    """Latents are made once, and shared by all recipes with the same data, window, size and tokenizer.

    \b
    Examples:
      cosmos-recipe cache explain factory
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

    preparation, screen = preparation_of(recipe, profile, overrides, runs, cache), Screen()
    try:
        found = preparation.explain(screen)
    finally:
        screen.close()
    typer.echo("\n".join(explanation_lines(found, preparation.cache)))


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


def preparation_of(
    recipe: str,
    profile: str | None,
    overrides: list[str] | None,
    runs: Path,
    cache: str | None,
    limit_bytes: int | None = None,
) -> Preparation:
    """Return what a recipe has to have prepared; raises RecipeError."""
    from cosmos_recipes.run.opening import open_recipe
    from cosmos_recipes.run.prepare import Preparation

    plan = open_recipe(recipe, profile=profile, overrides=overrides or []).plan
    return Preparation.of(plan, runs, cache=cache, limit_bytes=limit_bytes)
