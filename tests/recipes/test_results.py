"""If these break, a header promises what its recipe does not reach, or a clean run is refused by its own gate."""

from __future__ import annotations

import pytest

from cosmos_recipes.backbones.zoo import FAMILIES
from cosmos_recipes.evaluation.gate import check_gate
from cosmos_recipes.evaluation.support import golden_figures
from tests.docs.scripts import ROOT, script

results = script("results")
MEASURED = [(name, backbone) for name, own in golden_figures().items() for backbone in own]


def test_every_recipe_with_a_gate_is_measured_on_both_families() -> None:
    ways = {(name, way.backbone) for name, proof in results.PROOFS.items() for way in proof.ways.values()}
    assert len(ways) == len(FAMILIES) * len(results.PROOFS) and ways == {*MEASURED}


@pytest.mark.parametrize("name", golden_figures())
def test_a_header_says_what_was_measured(name: str) -> None:
    text = (ROOT / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    assert text == results.headed(text, name, golden_figures()), "run `python docs/results.py` and commit the recipes"


@pytest.mark.parametrize(("name", "backbone"), MEASURED)
def test_three_seeds_were_run_and_pass_the_gate_of_their_recipe(name: str, backbone: str) -> None:
    gate = results.way_of(name, backbone).load().recipe.gate
    runs = golden_figures()[name][backbone]
    assert {run["seed"]: check_gate(gate, run) for run in runs} == dict.fromkeys(results.SEEDS, ())
