"""`cosmos-recipe check`: every mistake in recipes, nothing run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cosmos_recipes.cli import complete

if TYPE_CHECKING:
    from cosmos_recipes.run.strict import Step

Lines = Iterator[str]
Format = Literal["text", "json", "github", "sarif"]


def check(
    recipes: Annotated[
        list[str], typer.Argument(help="Recipes: names or paths.", metavar="RECIPE...", autocompletion=complete.recipes)
    ],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value first: key.path=value; may be repeated.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How problems are written.")] = "text",
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Also take notes for errors, train three steps on made-up data, and try the gate on their report.",
        ),
    ] = False,
) -> None:
    """Find every mistake that can be found without running: in the files, in each profile, in what fits what.

    With --strict each recipe is also trained, very small: on made-up data of its contract, with the tiny backbone of each
    family that it names. It takes some ten seconds a head and family, and is what a contribution has to pass.

    Exits with 2 when there is a problem in any of them; with --strict also with 3 when no data of its contract can be made
    up, and with 4 when it does not train.

    \b
    Examples:
      cosmos-recipe check recipes/*.yaml
      cosmos-recipe check --strict recipes/mine.yaml
      cosmos-recipe check factory --set train.steps=100
      cosmos-recipe check recipes/*.yaml --format github
    """
    from cosmos_recipes.diagnostics import Problem, RecipeError, render
    from cosmos_recipes.diagnostics.terminal import Control

    problems: dict[Problem, None] = {}
    with ExitStack() as stack:
        look = _strict(stack, overrides or []) if strict else lambda recipe: _compiled(recipe, overrides or [])
        for recipe in recipes:
            try:
                for line in look(recipe):
                    if form == "text":
                        typer.echo(line)
            except RecipeError as error:
                problems.update(dict.fromkeys(error.problems))
    if problems or form in ("json", "sarif"):
        sys.stdout.write(Control(render(tuple(problems), form, colour=form == "text" and sys.stdout.isatty()) + "\n"))
    if problems:
        raise typer.Exit(next(RecipeError(problem).exit_code for problem in problems))


def _compiled(recipe: str, overrides: list[str]) -> Lines:
    profiles, notes = compile_profiles(recipe, overrides)
    yield f"{recipe}: fine ({', '.join(profiles)})"
    yield from (f"    note: {note}" for note in notes)


def _strict(stack: ExitStack, overrides: list[str]) -> Callable[[str], Lines]:
    """Return what checks recipes one after the other, in a folder that is there as long as the stack is open."""
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.run.strict import StrictCheck

    screen = Screen()
    check = StrictCheck(Path(stack.enter_context(TemporaryDirectory(prefix="cosmos-recipe-check-"))), screen)

    def look(recipe: str) -> Lines:
        yield recipe
        try:
            for step in check.check(recipe, overrides):
                screen.close()
                yield _line(step)
        finally:
            screen.close()
        yield f"{recipe}: fine, strictly"

    return look


def _line(step: Step) -> str:
    return f"    {step.name:<9} {step.seconds:6.1f} s  {step.text}"


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
