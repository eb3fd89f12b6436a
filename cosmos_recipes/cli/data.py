"""`cosmos-recipe data`: the commands that look at data."""

from __future__ import annotations

import typer

from cosmos_recipes.cli import data_preview

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.command("preview", short_help="Draw clips as a model will see them.")(data_preview.preview)


@app.callback()
def data() -> None:
    """Look at data before it is trained on.

    \b
    Example:
      cosmos-recipe data preview factory     draw clips as a model will see them
    """
