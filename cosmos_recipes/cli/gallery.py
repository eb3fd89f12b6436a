"""`cosmos-recipe gallery`: recipes and what they came to, as a site to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def gallery() -> None:
    """Recipes, what they came to, and the reference, as pages that need no server and no network.

    \b
    Example:
      cosmos-recipe gallery build
    """


@app.command("build", short_help="Make the pages.")
def build(
    out: Annotated[Path, typer.Argument(help="The folder to write to.", metavar="OUT")] = Path("site"),
    runs: Annotated[
        Path, typer.Option("--runs", help="The folder of the runs: finished ones show their curve and predictions.")
    ] = Path("runs"),
    docs: Annotated[
        Path | None,
        typer.Option("--docs", help="The folder with contact sheets and documents; by default the recipes'."),
    ] = None,
) -> None:
    """Make a site of all recipes: support matrix, a page for each with videos and figures, fields and error codes.

    It needs `pip install 'cosmos-recipes[gallery]'`. Open index.html in OUT, or put the folder on any web server.

    \b
    Examples:
      cosmos-recipe gallery build
      cosmos-recipe gallery build public --runs /data/runs
    """
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.gallery.build import build_gallery

    screen = Screen()
    screen.begin("gallery", 1, 1)
    try:
        built = build_gallery(out, runs=runs, docs=docs, progress=screen)
    finally:
        screen.close()
    for sentence in built.missing:
        screen.note(sentence)
    typer.echo(f"{built.recipes} recipes\nPage: {built.page}")
