"""`cosmos-recipe data synthesize`: made-up data of any contract, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cosmos_recipes.cli import complete


def synthesize(
    schema: Annotated[
        str,
        typer.Argument(
            help="A contract: a name from `cosmos-recipe ls schemas`, or a path.", autocompletion=complete.schemas
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="The folder to write; a new or an empty one.", metavar="DIR")],
    recordings: Annotated[int, typer.Option("--recordings", "-n", min=1, help="How many recordings.")] = 100,
    frames: Annotated[int, typer.Option("--frames", min=2, help="Frames of a recording.")] = 25,
    rate: Annotated[str, typer.Option("--rate", help="Frames per second.")] = "5 Hz",
    size: Annotated[str, typer.Option("--size", help="Picture size, HEIGHTxWIDTH.")] = "64x64",
    views: Annotated[int, typer.Option("--views", min=1, help="Views, where the contract leaves them open.")] = 3,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything that is drawn.")] = 0,
    codec: Annotated[Literal["vp9", "mjpeg", "h264"], typer.Option("--codec", help="Codec of the videos.")] = "vp9",
) -> None:
    """Write data that keeps a contract, also one of your own: real videos, a table, and the data set file.

    The pattern in the pictures moves as the numbers say. The same options write the same data.

    \b
    Examples:
      cosmos-recipe data synthesize pose made-up
      cosmos-recipe data synthesize trajectory made-up -n 8 --views 6 --size 128x224
    """
    from cosmos_recipes.cli.quantities import rate_hz, size_px
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.data import synthesize as made_up

    height_px, width_px = size_px(size)
    spec = made_up.SynthesisSpec(
        recordings=recordings,
        frames=frames,
        rate_hz=rate_hz(rate),
        height_px=height_px,
        width_px=width_px,
        views=views,
        seed=seed,
        codec=codec,
    )
    screen = Screen()
    try:
        file = made_up.synthesize(schema, folder, spec, screen)
    finally:
        screen.close()
    typer.echo(f"Wrote {recordings} recordings; the data set is {file}")
