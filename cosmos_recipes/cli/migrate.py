"""`cosmos-recipe migrate`: a recipe or a data set file out of what another tool trains from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos_recipes.cli import complete

if TYPE_CHECKING:
    from cosmos_recipes.migrate.base import Migrated


def migrate(
    path: Annotated[Path, typer.Argument(help="A TOML, an experiment's .py, info.json or a folder.", exists=True)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write; NAME.yaml, or datasets/NAME.yaml, by default."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="What it is, where that is not seen: cosmos-framework, predict2.5, lerobot, …",
            autocompletion=complete.formats,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            help="The data to train on: a name, a data set file or a folder.",
            autocompletion=complete.datasets,
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            help="The model to start from; by default that of the file, or the nearest.",
            autocompletion=complete.backbones,
        ),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option("--experiment", help="Which experiment, where a file has several.")
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option(
            "--schema",
            help="Of data: the contract to fill; by default what leaves nothing open.",
            autocompletion=complete.schemas,
        ),
    ] = None,
) -> None:
    """Write a recipe out of cosmos-framework's TOML or an experiment of Predict2.5, or a data set file out of LeRobot's.

    Nothing of theirs is run. Every value says where it is from, and what cannot be carried over is listed, with why.

    \b
    Examples:
      cosmos-recipe migrate vision_sft_nano.toml --dataset ~/clips
      cosmos-recipe migrate experiments/my_robot.py --experiment my_robot_lora -o my-robot.yaml
      cosmos-recipe migrate ~/pusht/meta/info.json
    """
    from cosmos_recipes.files import write_text
    from cosmos_recipes.migrate.base import Wishes, format_of

    name, chosen = format_of(path, source)
    wishes = Wishes(output=output, dataset=dataset, backbone=backbone, experiment=experiment, schema=schema)
    migrated = chosen.migrate(path, wishes)
    if migrated.target.exists():
        raise typer.BadParameter(f"{migrated.target} exists; name another file, or remove it", param_hint="--output")
    write_text(migrated.target, migrated.text)
    typer.echo("\n".join(_told(migrated, path, name)))
    typer.echo(_checked(migrated))


def _told(migrated: Migrated, path: Path, name: str) -> Iterator[str]:
    from cosmos_recipes.data.dataset_text import flow
    from cosmos_recipes.diagnostics import visible

    yield f"Wrote the {migrated.kind} {migrated.target} from {path} ({name}): {migrated.carried} values carried over."
    if migrated.chosen:
        yield "\nChosen here, as the file does not say it:"
    for each in migrated.chosen:
        value = "the data set" if isinstance(each.value, dict) else flow(each.value)
        yield f"  {'.'.join(each.to)}: {visible(value)}\n      {visible(each.why)}"
    yield f"\nNot carried over: {len(migrated.left) or 'nothing'}"
    for left in migrated.left:
        line = f":{left.place.line}" if left.place.line else ""
        yield f"  {visible(left.place.file)}{line} {left.key}: {left.value}\n      {visible(left.why)}"


def _checked(migrated: Migrated) -> str:
    """Check what was written, and say so.

    Raises:
        RecipeError: with everything that is wrong; the file stays.
    """
    from cosmos_recipes.cli.check import compile_profiles
    from cosmos_recipes.data.dataset import load_dataset

    if migrated.kind == "recipe":
        compile_profiles(str(migrated.target), [])
        return f"\n{migrated.target} is fine. Next: cosmos-recipe check {migrated.target}"
    load_dataset(
        f"./{migrated.target}" if not migrated.target.is_absolute() else str(migrated.target), relative_to=Path()
    )
    return f"\n{migrated.target} is fine. Next: cosmos-recipe data check {migrated.target}"
