"""If these break, a header promises what its recipe does not reach, or a clean run is refused by its own gate."""

from __future__ import annotations

import pytest

from cosmos_recipes.evaluation.gate import check_gate
from cosmos_recipes.recipe.load import load_recipe
from tests.docs.scripts import ROOT, script

results = script("results")


@pytest.mark.parametrize("name", results.TASKS)
def test_a_header_says_what_was_measured(name: str) -> None:
    text = (ROOT / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    assert text == results.headed(text, results.stored()[name]), "run `python docs/results.py` and commit the recipes"


@pytest.mark.parametrize("name", results.TASKS)
def test_three_seeds_were_run_and_pass_the_gate_of_their_recipe(name: str) -> None:
    gate = load_recipe(ROOT / "recipes" / f"{name}.yaml").recipe.gate
    assert {run["seed"]: check_gate(gate, run) for run in results.stored()[name]} == {0: (), 1: (), 2: ()}
