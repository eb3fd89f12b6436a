"""`cosmos-recipe data`: commands that look at data, one file each."""

from __future__ import annotations

import typer

from cosmos_recipes.cli import data_check

data = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Look at a data set before anything is trained on it.

\b
Examples:
  cosmos-recipe data check ./videos
  cosmos-recipe data check my-arm.yaml --format html -o check.html
""",
)

data.command("check", short_help="Find what is wrong with the recordings, row by row.")(data_check.check)
