"""`cosmos-recipe ls`: what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from cosmos_recipes.backbones.zoo import ZooEntry

What = Literal["recipes", "backbones", "heads", "schemas", "datasets"]


def ls(
    what: Annotated[What | None, typer.Argument(help="One kind of thing; all of them by default.")] = None,
) -> None:
    """List recipes, backbones, heads, schemas and data sets, each with a sentence.

    \b
    Examples:
      cosmos-recipe ls
      cosmos-recipe ls backbones
    """
    if what == "backbones":
        typer.echo("\n".join(_table(_backbone_rows())))
        return
    kinds: tuple[What, ...] = (what,) if what else tuple(_LISTS)
    for kind in kinds:
        rows = _LISTS[kind]()
        width = max(map(len, rows), default=0)
        lines: list[str] = [] if what else [kind]
        lines += [f"{'' if what else '  '}{name:<{width}}  {summary}".rstrip() for name, summary in rows.items()]
        typer.echo("\n".join(lines))


def _files(kind: Literal["recipes", "schemas", "datasets"]) -> dict[str, str]:
    from cosmos_recipes.recipe.library import names
    from cosmos_recipes.recipe.located import read_located

    return {name: str(read_located(path).tree.get("summary", "")) for name, path in names(kind).items()}


def _backbones() -> dict[str, str]:
    from cosmos_recipes.backbones.zoo import zoo

    return {name: entry.summary for name, entry in zoo().items()}


def _backbone_rows() -> list[tuple[str, ...]]:
    from cosmos_recipes.backbones.zoo import zoo

    head = ("name", "parameters", "native clip", "tokenizer", "text", "objective")
    return [head, *(_backbone_row(entry) for entry in zoo().values())]


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


_LISTS: dict[What, Callable[[], dict[str, str]]] = {
    "recipes": lambda: _files("recipes"),
    "backbones": _backbones,
    "heads": _heads,
    "schemas": lambda: _files("schemas"),
    "datasets": lambda: _files("datasets"),
}
