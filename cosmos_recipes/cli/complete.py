"""What a shell offers when a word is completed; typer keeps of it what begins with what was typed.

Nothing heavy is imported. Whatever goes wrong, nothing is offered, and the shell goes on with the names of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cosmos_recipes.recipe.library import Kind

RUNS = Path("runs")


def recipes() -> list[str]:
    """Offer the recipes that have a name."""
    return _files("recipes")


def schemas() -> list[str]:
    """Offer the contracts that have a name."""
    return _files("schemas")


def datasets() -> list[str]:
    """Offer the data sets that have a name."""
    return _files("datasets")


def profiles(context: typer.Context) -> list[str]:
    """Offer the profiles of the recipe that was typed, those of its parents among them."""
    from cosmos_recipes.recipe.parents import read_family

    # An option that still lacks its value ends the reading of arguments: then the recipe is left over.
    recipe = context.params.get("recipe") or next(iter(context.args), None)
    return _offered(lambda: read_family(str(recipe)).layer.tree["profiles"]) if recipe else []


def backbones() -> list[str]:
    """Offer the backbones that are installed."""
    from cosmos_recipes.backbones.names import backbone_names

    return _offered(backbone_names)


def heads() -> list[str]:
    """Offer the conditioning heads that are installed."""
    return _entry_points("heads")


def sources() -> list[str]:
    """Offer the kinds of source that are installed."""
    return _entry_points("sources")


def formats() -> list[str]:
    """Offer the formats that can be migrated from."""
    return _entry_points("migrations")


def shown() -> list[str]:
    """Offer whatever `show` shows."""
    return list(dict.fromkeys([*recipes(), *backbones(), *heads(), *schemas(), *datasets()]))


def codes() -> list[str]:
    """Offer the codes of messages."""
    from cosmos_recipes.diagnostics.codes import code_names

    return _offered(code_names)


def runs() -> list[str]:
    """Offer the folders of runs."""
    return _offered(lambda: sorted(str(plan.parent) for plan in RUNS.glob("*/*/plan.yaml")))


def runnable() -> list[str]:
    """Offer recipes, the folders of runs, and what is published here."""
    return [*recipes(), *runs(), *published()]


def published() -> list[str]:
    """Offer the folders that models are published to."""
    return _offered(lambda: sorted(str(refs.parent) for refs in RUNS.glob("published/*/*/refs")))


def models() -> list[str]:
    """Offer recipes that were run, which stand for their newest run, the folders of runs, and what is published here."""
    folders = runs()
    return [*dict.fromkeys(Path(folder).parent.name for folder in folders), *folders, *published()]


def _files(kind: Kind) -> list[str]:
    from cosmos_recipes.recipe.library import names

    return _offered(lambda: names(kind))


def _entry_points(group: str) -> list[str]:
    from importlib.metadata import entry_points

    return _offered(lambda: sorted(entry_points(group=f"cosmos_recipes.{group}").names))


def _offered(names: Callable[[], Iterable[str]]) -> list[str]:
    from cosmos_recipes.diagnostics import RecipeError

    try:
        return list(names())
    except (RecipeError, OSError, KeyError, TypeError):
        return []
