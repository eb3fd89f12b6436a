"""What a person sees of `new recipe`, `new schema` and `new head`: files that work as they are, and nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import pytest

from cosmos_recipes.conditioning.testing import bench, require_no_op_then_learning, ways
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.recipe.library import find, names
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.scaffold.head import new_head
from cosmos_recipes.scaffold.recipe import Wish, new_recipe
from cosmos_recipes.scaffold.schema import new_schema
from tests.stored_texts import assert_stored

TEXTS = Path(__file__).with_name("texts")
Call = Callable[..., str]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Run a command of the program in an empty folder; it has to end well. Packages are found in its `site` too."""

    def run(*words: str, code: int = 0) -> str:
        command = [sys.executable, "-m", *words]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def then(output: str) -> list[list[str]]:
    """Return the commands that come next, by their words."""
    return [line.split() for line in output.partition("Next:\n")[2].splitlines()]


def followed(call: Call, commands: Sequence[Sequence[str]]) -> None:
    for program, *words in commands:
        call(*words[1:]) if program == "python" else call("cosmos_recipes", *words)


def test_a_recipe_of_ones_own_recordings_passes_its_own_test(call: Call, tmp_path: Path) -> None:
    call("cosmos_recipes", "data", "synthesize", "action-frame", "made-up", "-n", "6", "--frames", "13")
    said = call("cosmos_recipes", "new", "recipe", "my-arm", "--dataset", "made-up/dataset.yaml")
    assert then(said) == [
        ["cosmos-recipe", "check", "--strict", "recipes/my-arm.yaml"],
        ["cosmos-recipe", "run", "recipes/my-arm.yaml"],
    ]
    recipe = load_recipe(tmp_path / "recipes" / "my-arm.yaml").recipe
    assert (recipe.conditioning.head, recipe.dataset.use) == ("action", "../made-up/dataset.yaml")
    assert recipe.dataset.clip.frames == 13
    call("pytest", "-q", "recipes/test_recipe_my_arm.py")


def test_tests_lie_among_the_others_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests" / "recipes").mkdir(parents=True)
    written = new_recipe("a.b", Path("recipes/community/a.b.yaml"), Wish(task="general"))
    test = Path("tests/recipes/test_recipe_a_b.py")
    assert [*written.files] == [Path("recipes/community/a.b.yaml"), test]
    assert "parents[2]" in written.files[test]
    assert [*new_schema("gaze", Path("schemas/gaze.yaml")).files][1] == Path("tests/test_schema_gaze.py")


def test_a_contract_and_a_head_for_it_lead_to_a_recipe_that_trains(call: Call, tmp_path: Path) -> None:
    """The printed commands are followed to the letter, but for where pip installs to."""
    data, checked, _ = then(call("cosmos_recipes", "new", "schema", "gaze"))
    call("pytest", "-q", "schemas")
    followed(call, [data, checked])
    shutil.rmtree(tmp_path / "made-up")
    said = then(call("cosmos_recipes", "new", "head", "look", "--schema", "gaze"))
    install, tested, listed, *rest = said
    assert install == ["python", "-m", "pip", "install", "-e", "look-head"]
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--target", "site"]
    call("pip", "install", *options, "./look-head")
    followed(call, [tested])
    assert "look " in call("cosmos_recipes", *listed[1:])
    followed(call, rest)
    assert call("cosmos_recipes", "check", "--strict", "recipes/my-look.yaml").endswith("fine, strictly\n")


WRONG = {
    # What is changed in the network that is scaffolded, and what the tests of every head say then.
    "deaf": ("self.last(hidden_BTD)", "self.last(hidden_BTD).detach()", "no gradient reaches"),
    "loud": ("nn.init.zeros_(self.last.weight)", "", "changes what the network predicts"),
    "stubborn": ("* known_B[:, None, None]", "", "dropped control still changes"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_a_new_head_is_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_head(name, tmp_path, schema="action-frame").write()
    right, wrong, message = WRONG[name]
    network = tmp_path / f"cosmos_recipes_{name}" / "network.py"
    assert right in network.read_text()
    network.write_text(network.read_text().replace(right, wrong))
    monkeypatch.syspath_prepend(str(tmp_path))
    head = getattr(import_module(f"cosmos_recipes_{name}.head"), f"{name.capitalize()}Head")()
    for way in ways(head):
        with pytest.raises(AssertionError, match=message):
            require_no_op_then_learning(bench(head, way))


CASES: dict[str, Callable[[], object]] = {
    "there-already": lambda: new_schema("taken", Path("taken.yaml")).write(),
    "nothing-said": lambda: new_recipe("mine", Path("mine.yaml"), Wish()),
    "no-such-head": lambda: new_recipe("mine", Path("mine.yaml"), Wish(head="cmaera")),
    "no-such-task": lambda: new_recipe("mine", Path("mine.yaml"), Wish(task="dancing")),
    "no-such-backbone": lambda: new_recipe("mine", Path("mine.yaml"), Wish(task="camera", backbone="predict2")),
    "head-of-another-task": lambda: new_recipe("mine", Path("mine.yaml"), Wish(task="camera", head="text")),
    "head-of-another-contract": lambda: new_recipe("mine", Path("mine.yaml"), Wish(dataset="room", head="action")),
    "no-name": lambda: new_recipe("My arm", Path("mine.yaml"), Wish(task="camera")),
    "no-column": lambda: new_head("look", Path("look"), schema="pose"),
    "no-such-column": lambda: new_head("look", Path("look"), schema="action-frame", column="pose"),
    "head-is-taken": lambda: new_head("action", Path("action"), schema="action-frame"),
    "two-of-a-name": lambda: names("recipes"),
    "two-of-a-name-asked-for": lambda: find("recipes", "factory"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_is_told_and_nothing_is_written(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.yaml").write_text("mine")
    if case.startswith("two"):
        for folder in ("recipes/mine", "recipes/yours"):
            (tmp_path / folder).mkdir(parents=True)
            (tmp_path / folder / "night.yaml").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RecipeError) as raised:
        CASES[case]()
    assert raised.value.exit_code == 2
    assert sorted(tmp_path.rglob("*")) == before
    assert_stored(TEXTS / f"{case}.txt", render(raised.value.problems) + "\n")


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in TEXTS.glob("*.txt")} == {*CASES}
