"""`cosmos-recipe ls`: what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from cosmos_recipes.backbones.zoo import ZooEntry
    from cosmos_recipes.evaluation.support import Cell

WIDTH = 100
_LONGEST_SUMMARY = 300
What = Literal["tasks", "recipes", "backbones", "heads", "schemas", "datasets"]


def ls(
    what: Annotated[What | None, typer.Argument(help="One kind of thing; all but the tasks by default.")] = None,
) -> None:
    """List recipes, backbones, heads, schemas and data sets, each with a sentence; or the tasks, and how well they work.

    \b
    Examples:
      cosmos-recipe ls
      cosmos-recipe ls backbones
      cosmos-recipe ls tasks
    """
    if what in _TABLES:
        typer.echo("\n".join(_TABLES[what]()))
        return
    kinds: tuple[What, ...] = (what,) if what else tuple(_LISTS)
    for kind in kinds:
        rows = _LISTS[kind]()
        width = max(map(len, rows), default=0)
        lines: list[str] = [] if what else [kind]
        lines += [f"{'' if what else '  '}{name:<{width}}  {summary}".rstrip() for name, summary in rows.items()]
        typer.echo("\n".join(lines))


def _task_table() -> list[str]:
    """Return the support matrix, a few lines a task."""
    from cosmos_recipes.backbones.zoo import FAMILIES
    from cosmos_recipes.evaluation.support import LEGEND, support

    lines: list[Sequence[str]] = [("task, recipe", *FAMILIES)]
    for row in support():
        columns = [[row.task, *([f"  {row.recipe}"] if row.recipe else [])]]
        columns += [_cell(row.cells[family]) for family in FAMILIES]
        lines += [[""] * len(columns), *zip_longest(*columns, fillvalue="")]
    return [*_table(lines), "", *wrap(LEGEND, WIDTH)]


def _cell(cell: Cell) -> list[str]:
    return cell.lines + ([" ".join(cell.way.options)] if cell.way and cell.way.options else [])


def _files(kind: Literal["recipes", "schemas", "datasets"]) -> dict[str, str]:
    from cosmos_recipes.diagnostics import RecipeError
    from cosmos_recipes.diagnostics.words import shortened, visible
    from cosmos_recipes.recipe.library import names
    from cosmos_recipes.recipe.located import read_located

    def summary(path: Path) -> str:
        try:
            return shortened(visible(str(read_located(path).tree.get("summary", ""))), _LONGEST_SUMMARY)
        except RecipeError as error:
            return f"(cannot be read: {error.problems[0].code})"

    return {name: summary(path) for name, path in names(kind).items()}


def _backbones() -> dict[str, str]:
    from cosmos_recipes.backbones.zoo import zoo

    return {name: entry.summary for name, entry in zoo().items()}


def _backbone_table() -> list[str]:
    from cosmos_recipes.backbones.zoo import zoo

    head = ("name", "parameters", "native clip", "tokenizer", "text", "objective")
    return _table([head, *(_backbone_row(entry) for entry in zoo().values())])


def _backbone_row(entry: ZooEntry) -> tuple[str, ...]:
    height_px, width_px = entry.native.size
    return (
        entry.name,
        f"{entry.parameters / 1e9:.2f} B" if entry.parameters >= 1e9 else f"{entry.parameters / 1e6:.2f} M",
        f"{entry.native.frames} x {height_px}x{width_px}, {entry.native.rate_hz:g} Hz",
        entry.tokenizer.name,
        entry.text.encoder,
        entry.objective.name,
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with the columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _heads() -> dict[str, str]:
    from cosmos_recipes.conditioning.base import heads

    return {name: head.summary for name, head in heads().items()}


_TABLES: dict[What | None, Callable[[], list[str]]] = {"backbones": _backbone_table, "tasks": _task_table}
_LISTS: dict[What, Callable[[], dict[str, str]]] = {
    "recipes": lambda: _files("recipes"),
    "backbones": _backbones,
    "heads": _heads,
    "schemas": lambda: _files("schemas"),
    "datasets": lambda: _files("datasets"),
}
