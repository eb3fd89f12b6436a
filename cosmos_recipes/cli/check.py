"""`cosmos-recipe check`: every mistake in recipes, nothing run."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from cosmos_recipes.cli import complete

Format = Literal["text", "json", "github", "sarif"]


def check(
    recipes: Annotated[
        list[str], typer.Argument(help="Recipes: names or paths.", metavar="RECIPE...", autocompletion=complete.recipes)
    ],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value first: key.path=value; may be repeated.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How problems are written.")] = "text",
) -> None:
    """Find every mistake that can be found without running: in the files, in each profile, in what fits what.

    Exits with 2 when there is a problem in any of them.

    \b
    Examples:
      cosmos-recipe check recipes/*.yaml
      cosmos-recipe check factory --set train.steps=100
      cosmos-recipe check recipes/*.yaml --format github
    """
    from cosmos_recipes.diagnostics import Problem, RecipeError, render
    from cosmos_recipes.diagnostics.terminal import Control

    problems: dict[Problem, None] = {}
    for recipe in recipes:
        try:
            profiles, notes = compile_profiles(recipe, overrides or [])
        except RecipeError as error:
            problems.update(dict.fromkeys(error.problems))
            continue
        if form == "text":
            typer.echo("\n".join([f"{recipe}: fine ({', '.join(profiles)})", *(f"    note: {note}" for note in notes)]))
    if problems or form in ("json", "sarif"):
        sys.stdout.write(Control(render(tuple(problems), form, colour=form == "text" and sys.stdout.isatty()) + "\n"))
    if problems:
        raise typer.Exit(next(RecipeError(problem).exit_code for problem in problems))


def compile_profiles(recipe: str, overrides: list[str]) -> tuple[list[str], list[str]]:
    """Compile the recipe as it is and with each of its profiles; return their names, and what their plans note.

    Raises:
        RecipeError: with the problems of all of them.
    """
    from cosmos_recipes.compiler.compile import compile_recipe
    from cosmos_recipes.diagnostics import Problem, RecipeError
    from cosmos_recipes.recipe.load import load_recipe
    from cosmos_recipes.run.opening import require_known_figures

    first = load_recipe(recipe, overrides=overrides)
    problems: dict[Problem, None] = {}
    notes: dict[str, None] = {}
    for profile in (None, *first.profiles):
        try:
            loaded = first if profile is None else load_recipe(recipe, profile=profile, overrides=overrides)
            require_known_figures(loaded)
            notes.update(dict.fromkeys(compile_recipe(loaded).notes))
        except RecipeError as error:
            problems.update(dict.fromkeys(error.problems))
    if problems:
        raise RecipeError(*problems)
    return ["as it is", *first.profiles], list(notes)
