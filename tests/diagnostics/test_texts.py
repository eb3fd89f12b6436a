"""Every message of the language, as a table: a broken recipe in `cases/`, and beside it the exact text that is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.recipe.load import load_recipe
from tests.stored_texts import arguments, assert_stored

CASES = Path(__file__).with_name("cases")


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    profile, overrides = arguments(Path(f"{name}.yaml"))
    with pytest.raises(RecipeError) as raised:
        load_recipe(f"{name}.yaml", profile=profile, overrides=overrides)
    text = render(raised.value.problems) + "\n"
    assert_stored(Path(f"{name}.txt"), text)


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in CASES.glob("*.txt")} == {path.stem for path in CASES.glob("*.yaml")}


def test_no_text_can_steer_a_terminal() -> None:
    for path in CASES.glob("*.txt"):
        assert path.read_text(encoding="utf-8").replace("\n", "").isprintable(), path.name
