"""Reading a recipe loads nothing heavy, so `check` and `--help` answer at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    *("torch", "nemo", "lightning", "diffusers", "transformers", "datasets"),
    *("nvidia", "av", "huggingface_hub", "numpy", "omegaconf", "hydra"),
)


def test_importing_the_language_loads_no_heavy_module() -> None:
    code = f"import sys, cosmos_recipes.recipe.load, cosmos_recipes.diagnostics; print(sorted(set({HEAVY!r}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [["check", "factory"], ["show", "factory"], ["diff", "factory", "arm-actions"]])
def test_commands_that_only_read_recipes_load_nothing_that_takes_seconds(words: list[str]) -> None:
    code = (
        "import atexit, sys; from cosmos_recipes.cli.main import main; sys.argv[0] = 'cosmos-recipe'; "
        f"atexit.register(lambda: print('heavy:', sorted(set({HEAVY[:6]!r}) & sys.modules.keys()))); main()"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("heavy: []")
