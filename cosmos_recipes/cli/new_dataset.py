"""`cosmos-recipe new dataset`: the data set file of what lies in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos_recipes.cli import complete
from cosmos_recipes.cli.screen import next_commands

if TYPE_CHECKING:
    from cosmos_recipes.data.draft import Draft
    from cosmos_recipes.data.sources.recognise import Recognised


def dataset(
    path: Annotated[Path, typer.Argument(help="A folder of recordings, or one file.", exists=True)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; datasets/NAME.yaml by default.")
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option(
            "--schema", help="The contract to fill; by default the one that says most.", autocompletion=complete.schemas
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="How to read it, where several kinds of source can.", autocompletion=complete.sources
        ),
    ] = None,
) -> None:
    """Look at a folder of recordings and write the data set file that reads it.

    Nothing is asked that can be seen. Units and conventions that no file says are marked "?", to be filled in.

    \b
    Examples:
      cosmos-recipe new dataset ~/robot/episodes
      cosmos-recipe new dataset drive/ --schema multi-view --out datasets/drive.yaml
    """
    from cosmos_recipes.data.draft import draft, name_of
    from cosmos_recipes.data.draft.choice import contracts
    from cosmos_recipes.files import write_text

    root = path.resolve()
    target = out or Path("datasets") / f"{name_of(root)}.yaml"
    if target.exists():
        raise typer.BadParameter(f"{target} exists; name another file, or remove it", param_hint="--out")
    schemas = contracts(schema)
    chosen = _chosen(root, kind)
    written = draft(chosen, path=root, target=target, schemas=schemas)
    write_text(target, written.text)
    typer.echo("\n".join(_wrote(written, target)))


def _chosen(path: Path, kind: str | None) -> Recognised:
    """Say what was seen, and return it; what cannot be read ends here."""
    from cosmos_recipes.data.draft.choice import choose, own_kinds
    from cosmos_recipes.data.sources.recognise import looked_for
    from cosmos_recipes.diagnostics import RecipeError, visible

    try:
        chosen, others = choose(path, kind)
    except RecipeError as error:
        if error.problems[0].code == "CR590":
            typer.echo("\n".join(_table([*looked_for().items()])) + "\n", err=True)
        raise
    kinds = [f"`--kind {each.kind}`" for each in others if not each.problems]
    instead = f"; it can also be read with {' or '.join(kinds)}" if kinds else ""
    if chosen.problems:
        typer.echo(
            f"{visible(path.name)} looks like a data set of the kind `{chosen.kind}`, but cannot be read{instead}."
        )
        raise RecipeError(*chosen.problems)
    typer.echo(f"{visible(path.name)} is a data set of the kind `{chosen.kind}`{instead}.")
    inside = own_kinds(chosen, path)
    if inside:
        within = ", ".join(f"{name} ({of})" for name, of in inside.items())
        typer.echo(f"It holds data sets of other kinds, which are better named one by one: {within}.")
    typer.echo("\n".join(_contents(chosen)))
    unread = chosen.source.unread() if chosen.source else {}
    if unread:
        files = ", ".join(f"{count} {ending}" for ending, count in sorted(unread.items()))
        typer.echo(
            f"Files that say something and are not read: {files}. Numbers are read from NAME.csv beside NAME.mp4."
        )
    return chosen


def _contents(chosen: Recognised) -> Iterator[str]:
    """Yield how much there is, the views and values, and what is wrong with them."""
    from cosmos_recipes.data.draft import shown
    from cosmos_recipes.diagnostics import RecipeError, noted, render

    assert chosen.source is not None
    values = ((name, shown(form)) for name, form in chosen.values.items())
    table = _table([*((view, "view") for view in chosen.views), *values])
    try:
        described = chosen.source.describe()
    except RecipeError as error:
        if not chosen.views:
            raise
        yield from [*table, "", "It cannot be used before this is settled:", "", render(error.problems, limit=5)]
        return
    count = "1 recording" if described.recordings == 1 else f"{described.recordings:,} recordings"
    yield f"{count} in {', '.join(described.codecs)}" if described.codecs else f"{count}; no video can be opened"
    yield from [*table, *(f"note: {note}" for note in noted(described.problems))]


def _table(rows: Sequence[tuple[str, str]]) -> list[str]:
    from cosmos_recipes.diagnostics import visible

    rows = [(visible(name), text) for name, text in rows]
    width = max((len(name) for name, _ in rows), default=0)
    return [f"  {name:<{width}}  {text}" for name, text in rows]


def _wrote(written: Draft, target: Path) -> Iterator[str]:
    also = f"; {', '.join(written.others)} would fit as well (`--schema`)" if written.others else ""
    yield f"\nWrote {target} for the schema {written.schema}{also}."
    if written.unfilled:
        yield 'Only you know what belongs where "?" stands:'
        yield from (f"  {target}:{number}  {line}" for number, line in written.unfilled.items())
    use = (
        target.stem
        if target.parent == Path("datasets")
        else target.as_posix()
        if "/" in target.as_posix()
        else f"./{target}"
    )
    yield f"{'Then use' if written.unfilled else 'Use'} it in a recipe: dataset: {{schema: {written.schema}, use: {use}, ...}}"
    yield from next_commands(f"cosmos-recipe data check {use}", f"cosmos-recipe new recipe NAME --dataset {use}")
