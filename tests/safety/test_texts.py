"""What is said of a stranger's model, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos_recipes.backbones.headers import require_headers
from cosmos_recipes.backbones.stored import at_work, fitting
from cosmos_recipes.compiler.trained import require_sound
from cosmos_recipes.data.hub_files import require_room
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.run.published import require_as_listed
from tests.safety.hostile_models import CONFIG, HEAD, LOADED, SHOWN, package, said
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
    "parts-of-two-models": lambda: _clip_of_another(),
    "breaks-at-work": lambda: _work(),
    "no-room": lambda: require_room("ada/arm", [10**18, 10**18], Path("cache")),
}


def _build() -> None:
    with fitting(Path("model")):
        raise ZeroDivisionError("division by zero")


def _work() -> None:
    with at_work(Path("model"), "it generated"):
        raise RuntimeError("shape '[1, 64, -1, 1, 1]' is invalid for input of size 3")


def _clip_of_another() -> None:
    (Path("model") / HEAD).write_bytes(Path("head.safetensors").read_bytes())
    said(CONFIG, clip={"frames": 14, "height_px": 64, "width_px": 64})(Path("model"))
    require_sound(Path("model"))


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
    Path("head.safetensors").write_bytes((model / HEAD).read_bytes())
    (model / HEAD).write_bytes(b"none")
    with pytest.raises(RecipeError) as raised:
        OTHERS[name]()
    # The room on a disk differs from machine to machine.
    text = re.sub(r"[\d.,]+ GB where", "200.0 GB where", render(raised.value.problems))
    assert_stored(TEXTS / f"{name}.txt", text + "\n")


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in TEXTS.glob("*.txt")} == {*OF_MODELS, *OTHERS}
