"""Every message of the language, as a table: a broken recipe in `cases/`, and beside it the exact text that is shown.

A case is `NAME.yaml`; its first line may hold the arguments (`# args: --profile large --set seed=1`).
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.recipe.load import load_recipe

CASES = Path(__file__).with_name("cases")
REWRITE = "COSMOS_RECIPES_REWRITE_TEXTS"


def arguments(path: Path) -> tuple[str | None, list[str]]:
    """Return profile and overrides of a case."""
    first = path.read_bytes().splitlines()[:1]
    words = shlex.split(first[0].decode()[len("# args:") :]) if first and first[0].startswith(b"# args:") else []
    given = list(zip(words[::2], words[1::2], strict=True))
    profiles = [value for name, value in given if name == "--profile"]
    return profiles[0] if profiles else None, [value for name, value in given if name == "--set"]


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    profile, overrides = arguments(Path(f"{name}.yaml"))
    with pytest.raises(RecipeError) as raised:
        load_recipe(f"{name}.yaml", profile=profile, overrides=overrides)
    text = render(raised.value.problems) + "\n"
    stored = Path(f"{name}.txt")
    if os.environ.get(REWRITE):
        stored.write_text(text, encoding="utf-8")
    assert stored.is_file(), f"no text is stored: run pytest with {REWRITE}=1, then read {stored}"
    assert text == stored.read_text(encoding="utf-8"), f"if the new text is better, run pytest with {REWRITE}=1"


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in CASES.glob("*.txt")} == {path.stem for path in CASES.glob("*.yaml")}


def test_no_text_can_steer_a_terminal() -> None:
    for path in CASES.glob("*.txt"):
        assert path.read_text(encoding="utf-8").replace("\n", "").isprintable(), path.name
