"""`cosmos-recipe new`: files to start from, written from what is there."""

from __future__ import annotations

import typer

from cosmos_recipes.cli import new_dataset, new_head, new_recipe, new_schema

app = typer.Typer(no_args_is_help=True)


@app.callback()
def new() -> None:
    """Write a file to start from, and its test; nothing that is there is written over.

    \b
    Examples:
      cosmos-recipe new dataset recordings/
      cosmos-recipe new recipe my-arm --dataset recordings
      cosmos-recipe new schema gaze
      cosmos-recipe new head gaze --schema gaze
    """


app.command("dataset", short_help="Look at a folder and write its data set file.")(new_dataset.dataset)
app.command("recipe", short_help="Write a recipe for a data set, and its test.")(new_recipe.recipe)
app.command("schema", short_help="Write a contract for data of a kind of its own, and its test.")(new_schema.schema)
app.command("head", short_help="Write a package with a conditioning head, and its tests.")(new_head.head)
