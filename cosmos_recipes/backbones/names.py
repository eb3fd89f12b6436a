"""The files that backbones stand in, and their names, found without reading what each of them is."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosmos_recipes.recipe.places import Located

ZOO_FILE = Path(__file__).with_name("zoo.yaml")
_NAME = re.compile(r"^  ([a-z0-9][a-z0-9._-]*):$", re.MULTILINE)


def zoo_files() -> list[Located]:
    """Return the shipped file of backbones and those of plug-ins, in order of their names."""
    from cosmos_recipes.recipe.located import read_located

    return [read_located(file) for file in (ZOO_FILE, *_plugins())]


def shipped_names() -> tuple[str, ...]:
    """Return the names of this project's backbones: in its own file they stand alone on a line, which is found at once."""
    return tuple(_NAME.findall(ZOO_FILE.read_text(encoding="utf-8")))


def backbone_names() -> tuple[str, ...]:
    """Return the names of all installed backbones, the shipped ones first."""
    others = (name for file in zoo_files()[1:] for name in file.tree.get("backbones", ())) if _plugins() else ()
    return tuple(dict.fromkeys((*shipped_names(), *others)))


def _plugins() -> list[Path]:
    found = sorted(entry_points(group="cosmos_recipes.backbones"), key=lambda entry: entry.name)
    return [entry.load() for entry in found]
