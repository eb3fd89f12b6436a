"""If these fail, a recipe that nobody can train, or whose gate nobody can pass, gets through the check of contributions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cosmos_recipes.conditioning import base
from cosmos_recipes.conditioning.action import ActionHead
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.recipe.library import names, packaged
from cosmos_recipes.run.progress import Silent
from cosmos_recipes.run.strict import StrictCheck
from cosmos_recipes.scaffold.recipe import Wish, new_recipe
from tests.stored_texts import assert_stored

TEXTS = Path(__file__).with_name("texts")
SHIPPED = sorted(path.stem for path in packaged("recipes").rglob("*.yaml"))
CELLS = [(head, family) for head in base.head_names() for family in base.head(head).families]
WRONG = {
    # What is changed in a recipe that is scaffolded.
    "note": ("warmup: 20", "warmup: 400"),
    "figure-of-another-world": ("gate: {", "gate: {figures: {rotation_deg: 5}, "),
    "another-name": ("recipe: mine", "recipe: yours"),
    "language": ("steps: 400", "stpes: 400"),
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> StrictCheck:
    """One check of all recipes, which trains what they have in common once."""
    return StrictCheck(tmp_path_factory.mktemp("strict"), Silent())


def passed(strict: StrictCheck, recipe: str | Path) -> list[str]:
    return [step.name for step in strict.check(str(recipe))]


def scaffolded(folder: Path, monkeypatch: pytest.MonkeyPatch, wish: Wish) -> Path:
    monkeypatch.chdir(folder)
    recipe = Path("recipes/mine.yaml")
    new_recipe("mine", recipe, wish).write()
    return recipe


@pytest.mark.parametrize(("head", "family"), CELLS)
def test_what_is_scaffolded_passes_as_it_is(
    head: str, family: str, strict: StrictCheck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = scaffolded(tmp_path, monkeypatch, Wish(head=head, backbone=f"tiny-{family}"))
    assert passed(strict, recipe) == ["language", "compile", "data", "train", "gate"]
    assert "profiles:" in recipe.read_text(), "a large profile compiles"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_passes(
    name: str, strict: StrictCheck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert passed(strict, names("recipes")[name])[-1] == "gate"


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_before_anything_is_trained(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = scaffolded(tmp_path, monkeypatch, Wish(head="action"))
    right, wrong = WRONG[case]
    recipe.write_text(recipe.read_text().replace(right, wrong, 1))
    with pytest.raises(RecipeError) as raised:
        passed(StrictCheck(tmp_path / "strict", Silent()), recipe)
    assert raised.value.exit_code == 2
    assert not (tmp_path / "strict").exists()
    assert_stored(TEXTS / f"{case}.txt", render(raised.value.problems) + "\n")


@pytest.fixture
def deaf_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the head `action` be one through which no gradient passes."""

    class DeafHead(ActionHead):
        def build(self, around: base.Surroundings) -> Any:
            built: Any = super().build(around)
            enter = built.enter
            built.enter = lambda *given: {place: value.detach() for place, value in enter(*given).items()}
            return built

    known = {**base.heads(), "action": DeafHead()}
    monkeypatch.setattr(base, "heads", lambda: known)


@pytest.mark.usefixtures("deaf_head")
def test_a_head_that_does_not_learn_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = scaffolded(tmp_path, monkeypatch, Wish(head="action"))
    with pytest.raises(RecipeError) as raised:
        passed(StrictCheck(tmp_path / "strict", Silent()), recipe)
    assert raised.value.exit_code == 4
    assert_stored(TEXTS / "deaf-head.txt", render(raised.value.problems) + "\n")


def test_a_contract_that_no_data_can_keep_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = scaffolded(tmp_path, monkeypatch, Wish(head="action"))
    contract = names("schemas")["action-frame"].read_text()
    Path("schemas").mkdir()
    unkept = contract.replace("rules: [finite]", "rules: [finite, monotone, unit-norm]", 1)
    assert unkept != contract
    Path("schemas/action-frame.yaml").write_text(unkept)
    with pytest.raises(RecipeError) as raised:
        passed(StrictCheck(tmp_path / "strict", Silent()), recipe)
    assert (raised.value.problems[0].code, raised.value.exit_code) == ("CR564", 3)


def test_the_gate_runs_on_a_report_and_says_what_it_asks(strict: StrictCheck) -> None:
    *_, gate = strict.check("arm-actions")
    assert gate.text == "adherence, psnr_moving_over_copy, psnr_over_copy, ssim, task: can be checked"
    (result, *_) = strict.trained.values()
    assert json.loads(result.folder.metrics.read_text())["steps"] == 3
    assert result.folder.report.is_file()
