"""Every message of the compiler, as a table: a recipe in `cases/` that cannot be compiled, and beside it what is shown.

A case is `NAME.yaml`; its first line may hold the arguments (`# args: --profile large --set seed=1`).
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.recipe.load import load_recipe

CASES = Path(__file__).with_name("cases")
REWRITE = "COSMOS_RECIPES_REWRITE_TEXTS"


def arguments(path: Path) -> tuple[str | None, list[str]]:
    """Return profile and overrides of a case."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    words = shlex.split(first.removeprefix("# args:")) if first.startswith("# args:") else []
    given = list(zip(words[::2], words[1::2], strict=True))
    profiles = [value for name, value in given if name == "--profile"]
    return profiles[0] if profiles else None, [value for name, value in given if name == "--set"]


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    profile, overrides = arguments(Path(f"{name}.yaml"))
    loaded = load_recipe(f"{name}.yaml", profile=profile, overrides=overrides)
    with pytest.raises(RecipeError) as raised:
        compile_recipe(loaded)
    text = render(raised.value.problems) + "\n"
    stored = Path(f"{name}.txt")
    if os.environ.get(REWRITE):
        stored.write_text(text, encoding="utf-8")
    assert stored.is_file(), f"no text is stored: run pytest with {REWRITE}=1, then read {stored}"
    assert text == stored.read_text(encoding="utf-8"), f"if the new text is better, run pytest with {REWRITE}=1"
    assert all(problem.place for problem in raised.value.problems), "a problem without a place"


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in CASES.glob("*.txt")} == {path.stem for path in CASES.glob("*.yaml")}
