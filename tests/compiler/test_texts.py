"""Every message of the compiler, as a table: a recipe in `cases/` that cannot be compiled, and beside it what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.recipe.load import load_recipe
from tests.stored_texts import arguments, assert_stored

CASES = Path(__file__).with_name("cases")


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    profile, overrides = arguments(Path(f"{name}.yaml"))
    loaded = load_recipe(f"{name}.yaml", profile=profile, overrides=overrides)
    with pytest.raises(RecipeError) as raised:
        compile_recipe(loaded)
    text = render(raised.value.problems) + "\n"
    assert_stored(Path(f"{name}.txt"), text)
    assert all(problem.place for problem in raised.value.problems), "a problem without a place"


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in CASES.glob("*.txt")} == {path.stem for path in CASES.glob("*.yaml")}
