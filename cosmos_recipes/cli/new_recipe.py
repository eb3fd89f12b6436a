"""`cosmos-recipe new recipe`: a recipe of one's own, and its test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmos_recipes.cli import complete
from cosmos_recipes.cli.screen import told


def recipe(
    name: Annotated[str, typer.Argument(help="What the recipe is called.", metavar="NAME")],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            help="A data set: a name from `cosmos-recipe ls datasets`, or a path; by default one that is shipped.",
            autocompletion=complete.datasets,
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="What is trained: general, instruction, action, camera, ...")
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            "--head",
            help="The conditioning head; by default that of the task, or the one that is told most of the data.",
            autocompletion=complete.heads,
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            help="The backbone of the large profile, or a tiny one; by default predict2.5-2b and tiny-diffusion.",
            autocompletion=complete.backbones,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; recipes/NAME.yaml by default.")
    ] = None,
) -> None:
    """Write a recipe with comments that explain it, tiny first and a large profile after, and a test of it.

    It passes `cosmos-recipe check --strict` as it is. The clips are as long as the recordings allow.

    \b
    Examples:
      cosmos-recipe new recipe my-arm --dataset my-arm
      cosmos-recipe new recipe night --task instruction
      cosmos-recipe new recipe tokens --head camera --backbone tiny-autoregressive
    """
    from cosmos_recipes.scaffold.recipe import Wish, new_recipe

    target = out or Path("recipes") / f"{name}.yaml"
    told(new_recipe(name, target, Wish(dataset=dataset, task=task, head=head, backbone=backbone)))
