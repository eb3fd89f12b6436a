"""If these fail, a recipe of the community is merged that nobody finds, or that does not say whose it is and what it came to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cosmos_recipes.cli import complete
from cosmos_recipes.gallery.entries import entries
from cosmos_recipes.recipe.library import find, names
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.scaffold import module_name

ROOT = Path(__file__).parents[2]
COMMUNITY = sorted((ROOT / "recipes" / "community").glob("*.yaml"))


@pytest.mark.parametrize("path", COMMUNITY, ids=lambda path: path.stem)
def test_it_says_whose_it_is_and_what_it_came_to_and_has_its_test(path: Path) -> None:
    header = path.read_text(encoding="utf-8").partition("\nrecipe:")[0]
    said = dict(re.findall(r"^# (Author|Hardware|Expected) +(.+)$", header, re.MULTILINE))
    assert said.keys() == {"Author", "Hardware", "Expected"}
    assert not {"your name", "what the run printed at its end"} & {*said.values()}
    assert "Say here" not in header
    assert (ROOT / "tests" / "recipes" / f"test_recipe_{module_name(path.stem)}.py").is_file()


@pytest.mark.parametrize("path", COMMUNITY, ids=lambda path: path.stem)
def test_others_can_have_its_data(path: Path) -> None:
    use = load_recipe(path).recipe.dataset.use
    assert isinstance(use, dict) or use in names("datasets") or use.startswith("hf://")


def test_it_is_found_by_its_name_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    community = {path.stem for path in COMMUNITY}
    assert community
    assert community <= {*complete.recipes()}
    assert community <= {entry.name for entry in entries(tmp_path)}
    assert {find("recipes", name).resolve() for name in community} == {*COMMUNITY}


def test_a_recipe_of_a_subfolder_is_found_in_the_working_directory_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "recipes" / "night" / "factory.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(find("recipes", "factory").read_text(encoding="utf-8"))
    assert names("recipes")["factory"].resolve() == own, "it goes before the shipped one of that name"
