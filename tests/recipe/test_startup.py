"""Reading a recipe loads nothing heavy, so `check` and `--help` answer at once."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "torch",
    "nvidia",
    "av",
    "nemo",
    "lightning",
    "diffusers",
    "transformers",
    "datasets",
    "huggingface_hub",
    "numpy",
    "omegaconf",
    "hydra",
)


def test_importing_the_language_loads_no_heavy_module() -> None:
    code = f"import sys, cosmos_recipes.recipe.load, cosmos_recipes.diagnostics; print(sorted(set({HEAVY!r}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
