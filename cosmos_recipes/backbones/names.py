"""The files that backbones stand in, and their names, found without reading what each of them is."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from cosmos_recipes.recipe.located import read_located
from cosmos_recipes.recipe.places import Located

ZOO_FILE = Path(__file__).with_name("zoo.yaml")


def zoo_files() -> list[Located]:
    """Return the shipped file of backbones and those of plug-ins, in order of their names."""
    plugins = sorted(entry_points(group="cosmos_recipes.backbones"), key=lambda entry: entry.name)
    return [read_located(file) for file in (ZOO_FILE, *(entry.load() for entry in plugins))]


def backbone_names() -> tuple[str, ...]:
    """Return the names of all installed backbones, the shipped ones first."""
    names = (name for file in zoo_files() for name in file.tree.get("backbones", ()))
    return tuple(dict.fromkeys(names))
