"""Recipes from text, compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe

RECIPE = """\
recipe: arm
summary: Predict a robot arm.
backbone: tiny-diffusion
dataset:
  schema: instruction-video
  use:
    schema: instruction-video
    source: {kind: world, world: factory, episodes: 8, held_out: 4, frames: 100, rate: 16 Hz}
  clip: {frames: 13, rate: 5 Hz, size: 64x64}
conditioning: {head: text}
train: {steps: 20, global_batch: 8}
profiles:
  big:
    backbone: predict2.5-2b
    hardware: {gpus: 8, gpu: h100-80gb}
    dataset: {clip: {frames: 93, rate: 16 Hz, size: 480x640}}
    train: {global_batch: 64}
"""

Load = Callable[..., LoadedRecipe]
Compile = Callable[..., Plan]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load the recipe above with overrides."""
    path = tmp_path / "arm.yaml"
    path.write_text(RECIPE, encoding="utf-8")

    def loaded(*overrides: str, profile: str | None = None) -> LoadedRecipe:
        return load_recipe(path, profile=profile, overrides=overrides)

    return loaded


@pytest.fixture
def compiled(load: Load) -> Compile:
    """Compile the recipe above with overrides."""

    def plan(*overrides: str, profile: str | None = None) -> Plan:
        return compile_recipe(load(*overrides, profile=profile))

    return plan
