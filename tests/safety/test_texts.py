"""What is said of a stranger's model, word for word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos_recipes.backbones.headers import require_headers
from cosmos_recipes.backbones.stored import fitting
from cosmos_recipes.compiler.trained import require_sound
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.run.published import require_as_listed
from tests.safety.hostile_models import LOADED, SHOWN, package
from tests.stored_texts import assert_stored

TEXTS = Path(__file__).with_name("texts")
LISTED = {"recipe.yaml": {"size_bytes": 900, "sha256": "0" * 64}}
OF_MODELS = {
    **{name: SHOWN[name] for name in ("config-huge", "config-lacking", "head-of-a-module", "head-that-steers")},
    **{name: LOADED[name] for name in ("layers-absurd", "index-that-leads-out", "network-quantised", "tensors-that-overlap")},
}  # fmt: skip
OTHERS: dict[str, Callable[[], None]] = {
    "header-of-a-folder": lambda: require_headers(Path("model/head")),
    "larger-on-the-hub": lambda: require_as_listed("hf://ada/arm@main", {"recipe.yaml": 10**12}, LISTED),
    "files-of-no-model": lambda: _build(),
}


def _build() -> None:
    with fitting(Path("model")):
        raise ZeroDivisionError("division by zero")


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return package(Path("model"))


@pytest.mark.parametrize("name", OF_MODELS)
def test_text_of_a_model(name: str, model: Path) -> None:
    OF_MODELS[name](model)
    with pytest.raises(RecipeError) as raised:
        require_sound(model)
    assert_stored(TEXTS / f"{name}.txt", render(raised.value.problems) + "\n")


@pytest.mark.parametrize("name", OTHERS)
def test_text(name: str, model: Path) -> None:
    (model / "head" / "model.safetensors").write_bytes(b"none")
    with pytest.raises(RecipeError) as raised:
        OTHERS[name]()
    assert_stored(TEXTS / f"{name}.txt", render(raised.value.problems) + "\n")


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in TEXTS.glob("*.txt")} == {*OF_MODELS, *OTHERS}
