"""`cosmos-recipe evaluate`: a trained model measured again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos_recipes.cli import complete
from cosmos_recipes.cli.figures import rows_of, table
from cosmos_recipes.diagnostics import visible

if TYPE_CHECKING:
    from cosmos_recipes.run.evaluation import Evaluated


def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            help="A run's folder, a package, a recipe's name (its newest run), or hf://owner/name@revision.",
            autocompletion=complete.models,
        ),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            help="Other data of the same contract: a name, a file or a folder; the model's own by default.",
            autocompletion=complete.datasets,
        ),
    ] = None,
    clips: Annotated[int | None, typer.Option("--clips", min=1, help="Held-out clips; as the plan says.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Where the model's own data lies here: dataset.use.source.path=PATH."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write to; evaluated/RECIPE by default.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option("--base", help="The folder of what the model was trained from, if that was moved.")
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", help="The folder of the runs.")] = Path("runs"),
) -> None:
    """Measure a trained model again, on held-out clips of its own data or of other data of the same contract.

    Writes report.html, metrics.json and samples, and shows the figures with 95 % intervals beside those that were
    published. Numbers of other data are normalised as those that the model was trained on.

    \b
    Examples:
      cosmos-recipe evaluate factory
      cosmos-recipe evaluate hf://owner/model
      cosmos-recipe evaluate runs/arm-actions/base-1a2b3c4d --dataset my-other-arm --clips 64
    """
    from cosmos_recipes.cli.screen import Screen
    from cosmos_recipes.run.evaluation import EvaluationRequest, evaluate_again

    request = EvaluationRequest(
        model=model, dataset=dataset, clips=clips, overrides=overrides or [], base=base, runs=runs, output=output
    )
    screen = Screen()
    screen.begin("evaluate", 1, 1)
    try:
        found = evaluate_again(request, screen)
    finally:
        screen.close()
    typer.echo("\n".join(visible(line) for line in _lines(found, is_other=dataset is not None)))


def _lines(found: Evaluated, *, is_other: bool) -> Iterator[str]:
    yield found.name
    yield ""
    yield from table(rows_of(found.metrics, {} if is_other else found.before))
    yield ""
    yield from (f"note: {note}" for note in found.notes)
    if not is_other:
        yield _compared(found)
    yield f"Report: {found.folder / 'report.html'}"


def _compared(found: Evaluated) -> str:
    """Return whether the figures are those of before, in a line."""
    if not found.before:
        return "What was measured when it was trained is not known."
    names = [name for name in found.before if name not in ("steps", "train_seconds")]
    other = [name for name in names if found.before[name] != found.metrics.get(name)]
    if not other:
        return "Every figure is that of when it was trained."
    return f"Otherwise than when it was trained: {', '.join(other)}."
