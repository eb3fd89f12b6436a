"""`cosmos-recipe data`: the commands that look at data sets, without a recipe."""

from __future__ import annotations

import typer

from cosmos_recipes.cli import data_describe, data_export_croissant, data_synthesize

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

app.command("describe", short_help="Say what is in a data set, in figures.")(data_describe.describe)
app.command("export-croissant", short_help="Describe a data set in the Croissant format.")(
    data_export_croissant.export_croissant
)
app.command("synthesize", short_help="Write made-up data of a contract, for tests.")(data_synthesize.synthesize)


@app.callback()
def data() -> None:
    """Look at data sets, without a recipe.

    \b
    Examples:
      cosmos-recipe data describe factory-actions
      cosmos-recipe data export-croissant factory-actions
      cosmos-recipe data synthesize pose made-up
    """
