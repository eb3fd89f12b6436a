"""If these break, a header promises what its recipe does not reach, or a clean run is refused by its own gate."""

from __future__ import annotations

from cosmos_recipes.evaluation.gate import check_gate
from cosmos_recipes.recipe.load import load_recipe
from tests.docs.scripts import ROOT, script

results = script("results")


def test_every_header_says_what_was_measured() -> None:
    for name, runs in results.stored().items():
        text = (ROOT / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
        assert text == results.headed(text, runs), "run `python docs/results.py` and commit the recipes"


def test_every_seed_passes_the_gate_of_its_recipe() -> None:
    for name, runs in results.stored().items():
        gate = load_recipe(ROOT / "recipes" / f"{name}.yaml").recipe.gate
        assert {run["seed"]: check_gate(gate, run) for run in runs} == {run["seed"]: () for run in runs}, name
