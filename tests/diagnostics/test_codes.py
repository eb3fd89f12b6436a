"""A message's code can always be looked up, and the table holds no code that nothing shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cosmos_recipes
from cosmos_recipes.diagnostics import RecipeError, explain
from cosmos_recipes.diagnostics.codes import CODES_FILE, codes, title

PACKAGE = Path(cosmos_recipes.__file__).parent


def used_codes() -> set[str]:
    sources = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    return {code for text in sources for code in re.findall(r'"(CR\d{3})"', text)}


def test_every_code_that_is_shown_is_explained() -> None:
    assert used_codes() - codes().keys() == set()


def test_every_code_that_is_explained_is_shown() -> None:
    assert codes().keys() - used_codes() == set()


def test_codes_stand_in_numeric_order_once_each() -> None:
    written = re.findall(r"^(CR\d{3}):", CODES_FILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert written == sorted(set(written))


@pytest.mark.parametrize("code", sorted(codes()))
def test_explanation_shows_wrong_and_right(code: str) -> None:
    text = explain(code)
    assert text.startswith(f"{code}: {title(code)}\n")
    assert codes()[code].keys() == {"title", "explanation"}
    assert re.search(r"^(Wrong|Right):", text, re.MULTILINE) or not code.startswith("CR1")


def test_an_unknown_code_gets_the_nearest() -> None:
    with pytest.raises(RecipeError) as raised:
        explain("CR13O")
    assert "did you mean `CR" in raised.value.problems[0].hint
    assert raised.value.exit_code == 2


def test_a_code_in_small_letters_is_found() -> None:
    assert explain("cr130") == explain("CR130")
