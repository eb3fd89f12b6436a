"""`cosmos-recipe data`: the commands that look at data."""

from __future__ import annotations

import typer

from cosmos_recipes.cli import (
    data_check,
    data_describe,
    data_export_croissant,
    data_prepare,
    data_preview,
    data_synthesize,
)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.command("check", short_help="Find what is wrong with the recordings, row by row.")(data_check.check)
app.command("preview", short_help="Draw clips as a model will see them.")(data_preview.preview)
app.command("prepare", short_help="Make the latents of a recipe, on any number of machines at once.")(
    data_prepare.prepare
)
app.command("describe", short_help="Say what is in a data set, in figures.")(data_describe.describe)
app.command("export-croissant", short_help="Describe a data set in the Croissant format.")(
    data_export_croissant.export_croissant
)
app.command("synthesize", short_help="Write made-up data of a contract, for tests.")(data_synthesize.synthesize)


@app.callback()
def data() -> None:
    """Look at data before it is trained on.

    \b
    Examples:
      cosmos-recipe data check factory-actions        find what is wrong, row by row
      cosmos-recipe data preview factory-actions      draw clips as a model will see them
      cosmos-recipe data describe factory-actions     statistics of every number
      cosmos-recipe data synthesize pose made-up      data of a contract, for tests
    """
