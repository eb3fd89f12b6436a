"""A lock holds a run to what it was: each thing that is otherwise is named, and `--frozen` refuses it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.run.again import open_again
from cosmos_recipes.run.opening import Opened
from cosmos_recipes.run.references import find
from tests.run.again.locks import CHANGES, edit, published
from tests.stored_texts import assert_stored

TEXTS = Path(__file__).with_name("texts")


def again(folder: Path, *overrides: str, frozen: bool = True) -> Opened:
    named = find(str(folder), weights=False)
    assert named is not None
    return open_again(named, overrides=overrides, frozen=frozen)


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_drifted_is_named(name: str, compiled: Path) -> None:
    change, path = CHANGES[name]
    locked = again(compiled).locked
    assert locked and locked.drift == ()
    change(compiled)
    with pytest.raises(RecipeError) as raised:
        again(compiled)
    (problem,) = raised.value.problems
    assert (problem.code, f"`{path}`" in problem.message) == ("CR240", True)
    assert problem.expected != problem.found
    told = again(compiled, frozen=False).locked
    assert told and [each.path for each in told.drift] == [path]


def test_everything_that_drifted_is_told_at_once(compiled: Path) -> None:
    for change, _ in (CHANGES[name] for name in ("package", "plan", "base")):
        change(compiled)
    with pytest.raises(RecipeError) as raised:
        again(compiled)
    assert len(raised.value.problems) == 3


def test_a_base_that_was_moved_is_found_where_it_is_said_to_be(compiled: Path) -> None:
    """The same model at another place is the same; another one is not."""
    (compiled.parent / "base").rename(compiled.parent / "moved")
    opened = again(compiled, f"backbone.weights={compiled.parent}/moved")
    assert opened.plan.backbone.weights == str(compiled.parent / "moved")
    assert f"weights: {compiled.parent}/moved" in opened.documents["recipe.yaml"]
    shutil.copytree(Weights(label="shipped:tiny-workshop").folder, compiled.parent / "other")
    with pytest.raises(RecipeError, match="CR240") as raised:
        again(compiled, f"backbone.weights={compiled.parent}/other")
    assert "backbone.weights_sha256" in raised.value.problems[0].message


def test_without_frozen_another_base_makes_another_run(compiled: Path) -> None:
    shutil.copytree(Weights(label="shipped:tiny-workshop").folder, compiled.parent / "other")
    before = again(compiled).plan
    opened = again(compiled, f"backbone.weights={compiled.parent}/other", "train.steps=7", frozen=False)
    assert opened.plan.train.steps == 7
    assert opened.plan.backbone.weights_sha256 not in (None, before.backbone.weights_sha256)
    assert opened.plan.data == before.data


def test_data_set_as_a_folder_is_where_it_is_said_to_be(compiled: Path) -> None:
    (compiled.parent / "videos").rename(compiled.parent / "moved")
    for key in ("dataset.use", "dataset.use.source.path"):
        opened = again(compiled, f"{key}={compiled.parent}/moved")
        assert opened.plan.data.source["path"] == str(compiled.parent / "moved")


WRONG: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "drift": (CHANGES["base"][0], ()),
    "setting-of-the-plan": (lambda run: None, ("train.steps=7",)),
    "other-data": (lambda run: None, ("dataset.use=factory",)),
    "public-folder": (lambda run: None, ("publish.public=true",)),
    "no-lock": (lambda run: (run / "recipe.lock").unlink(), ()),
    "data-elsewhere": (lambda run: shutil.rmtree(run.parent / "videos"), ()),
    "base-elsewhere": (lambda run: shutil.rmtree(run.parent / "base"), ()),
}


@pytest.mark.parametrize("name", WRONG)
def test_text(name: str, compiled: Path) -> None:
    change, overrides = WRONG[name]
    change(compiled)
    with pytest.raises(RecipeError) as raised:
        again(compiled, *overrides)
    shown = render(raised.value.problems).replace(str(compiled.parent), "HERE")
    assert_stored(TEXTS / f"{name}.txt", shown + "\n")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no-package": (lambda snapshot: (snapshot / "MANIFEST.json").unlink(), "arm"),
    "other-content": (lambda snapshot: edit(snapshot / "recipe.yaml", "seed: 0", "seed: 1"), "arm"),
    "no-such-revision": (lambda snapshot: None, "arm@v2"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_text_of_what_cannot_be_had(name: str, compiled: Path) -> None:
    change, reference = BROKEN[name]
    change(published(compiled))
    with pytest.raises(RecipeError) as raised:
        find(f"{compiled.parent}/{reference}", weights=False)
    shown = re.sub(r"\b[0-9a-f]{12}\b|\d+ bytes", "…", render(raised.value.problems))
    assert_stored(TEXTS / f"{name}.txt", shown.replace(str(compiled.parent), "HERE") + "\n")


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in TEXTS.glob("*.txt")} == {*WRONG, *BROKEN, "evaluate-other-actions"}


def test_what_was_published_is_published_to_a_folder_when_it_is_run_again(compiled: Path) -> None:
    """Not to the repository that it came from, unless that is asked for."""
    edit(compiled / "plan.yaml", "repo: local", "repo: ada/arm")
    published(compiled)
    for overrides, repo in (((), "local"), (("publish.repo=me/arm",), "me/arm")):
        opened = again(compiled.parent / "arm", *overrides, frozen=False)
        assert opened.plan.publish.repo == repo
        assert f"repo: {repo}" in opened.documents["recipe.yaml"]
        assert "origin: arm@" in opened.documents["recipe.lock"]
