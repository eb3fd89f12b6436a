"""The names of this project that an editor offers in a recipe; those of plug-ins are as good, but not everywhere."""

from __future__ import annotations

from importlib.metadata import entry_points

from cosmos_recipes.backbones.names import shipped_names
from cosmos_recipes.compiler.gpus import GPUS
from cosmos_recipes.recipe.library import Kind, packaged


def choices() -> dict[str, tuple[str, ...]]:
    """Return the names by block and key of the language."""
    heads = entry_points(group="cosmos_recipes.heads")
    return {
        "Recipe.backbone": shipped_names(),
        "Start.use": shipped_names(),
        "Dataset.schema": _files("schemas"),
        "Dataset.use": _files("datasets"),
        "Conditioning.head": tuple(sorted({each.name for each in heads if each.module.startswith("cosmos_recipes.")})),
        "Hardware.gpu": tuple(GPUS),
    }


def _files(kind: Kind) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in packaged(kind).glob("*.yaml")))
