"""What every migration to a recipe begins and ends with: its backbone, and the text."""

from __future__ import annotations

from pathlib import Path

from cosmos_recipes.backbones.zoo import ZooEntry, zoo
from cosmos_recipes.diagnostics import Place, fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.migrate.base import Migrated, Wishes
from cosmos_recipes.migrate.ledger import Chosen, Ledger
from cosmos_recipes.migrate.recipe_file import recipe_text


def chosen_backbone(ledger: Ledger, wishes: Wishes, like: str, why: str, *paths: str) -> ZooEntry:
    """Say the backbone: the one that the user names, or the one that the old file has or is nearest to.

    Raises:
        RecipeError: there is no such backbone (CR200).
    """
    name = wishes.backbone or like
    if name not in zoo():
        close = nearest(name, zoo())
        fail(
            "CR200",
            f"there is no backbone called `{name}`",
            place=Place(file=f"--backbone {name}"),
            expected=listed(zoo()),
            found=name,
            hint=f"did you mean `{close}`?" if close else "`cosmos-recipe ls backbones` lists them",
        )
    if wishes.backbone or not paths:
        ledger.choose("backbone", name, "as you named it" if wishes.backbone else why)
    else:
        ledger.carry("backbone", name, *paths, how=why)
    return zoo()[name]


def finished(ledger: Ledger, *, tool: str, target: Path) -> Migrated:
    """Return the recipe of what the ledger holds."""
    return Migrated(
        kind="recipe",
        target=target,
        text=recipe_text(ledger, tool=tool, target=target),
        carried=len(ledger.carried),
        chosen=[entry for entry in ledger.entries if isinstance(entry, Chosen)],
        left=ledger.left,
    )
