"""Write the support matrix into README.md and recipes/README.md: `python docs/tasks.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import fill

from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.evaluation.support import LEGEND, Row, support
from cosmos_recipes.recipe.load import load_recipe

ROOT = Path(__file__).parents[1]
README, LIST = ROOT / "README.md", ROOT / "recipes" / "README.md"
_MATRIX = re.compile(r"(<!-- tasks -->\n).*?(<!-- end of tasks -->)", re.DOTALL)
_LIST = """# Recipes

`cosmos-recipe run NAME` trains one of these as it is, on two CPU cores; `--profile PROFILE` trains the backbone of that
name. `python docs/tasks.py` writes this page.

## Tasks

{0}
[docs/results.md](../docs/results.md) has every figure that is measured, and pictures.

## All recipes

{1}
## From the community

Recipes that came as [CONTRIBUTING.md](../CONTRIBUTING.md) says. Each one's header names its author, and what a run came to.

{2}"""


def written(text: str) -> str:
    """Return the README with the matrix between its two comments."""
    return _MATRIX.sub(lambda comments: f"{comments[1]}{matrix(support(), 'recipes/')}{comments[2]}", text)


def listed() -> str:
    """Return the page that lists every recipe."""
    return _LIST.format(matrix(support()), recipes("*.yaml"), recipes("community/*.yaml"))


def recipes(pattern: str) -> str:
    """Return the table of the recipes whose files match."""
    loaded = {path.relative_to(LIST.parent): load_recipe(path) for path in sorted(LIST.parent.glob(pattern))}
    rows = [
        (f"[`{each.recipe.recipe}`]({name})", each.recipe.summary, ", ".join(f"`{one}`" for one in each.profiles))
        for name, each in loaded.items()
    ]
    return table(("recipe", "what it does", "profiles"), rows)


def matrix(rows: Sequence[Row], folder: str = "") -> str:
    """Return the matrix, and what its figures are, with links to the recipes in a folder as seen from the page."""
    head = ("task", "recipe", "what the model is told", *FAMILIES)
    others = "".join(f"\n{line}\n" for line in other_ways(rows))
    return f"{table(head, (cells(row, folder) for row in rows))}\n{fill(LEGEND, 120)}\n{others}"


def cells(row: Row, folder: str) -> list[str]:
    """Return the cells of a task."""
    link = f"[`{row.recipe}`]({folder}{row.recipe}.yaml)" if row.recipe else ""
    return [row.task, link, row.told, *("<br>".join(row.cells[family].lines) for family in FAMILIES)]


def other_ways(rows: Sequence[Row]) -> Iterator[str]:
    """Yield how recipes train on a family that is not their own, once for each way to say it."""
    ways = [cell.way for row in rows for cell in row.cells.values() if cell.way and cell.way.options]
    for way in {way.options: way for way in reversed(ways)}.values():
        yield f"On the {way.family} family, for example: `cosmos-recipe run {way.path.stem} {' '.join(way.options)}`."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    LIST.write_text(listed(), encoding="utf-8")
