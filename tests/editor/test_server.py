"""If these break, an editor marks what is right, is silent about what is wrong, or offers nothing while one writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import Server, running

from cosmos_recipes.backbones.zoo import zoo
from cosmos_recipes.compiler.gpus import GPUS
from cosmos_recipes.conditioning.base import heads
from cosmos_recipes.recipe.spec import Train

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path for folder in ("recipes", "datasets", "schemas") for path in (ROOT / folder).rglob("*.yaml"))
RECIPE = ROOT / "recipes" / "written.yaml"
HEAD = "# yaml-language-server: $schema=../schemas/recipe.schema.json\nrecipe: mine\nsummary: Mine.\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running([os.environ["COSMOS_RECIPES_YAML_SERVER"], "--stdio"]) as found:
        yield found


def cosmos_recipe(folder: Path, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", "cosmos_recipes", *map(str, arguments)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_nothing_is_marked_in_what_is_shipped(server: Server) -> None:
    assert {path.name: found for path in SHIPPED if (found := server.problems(path))} == {}


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("steps: 400", "stpes: 400", "Property stpes is not allowed"),
        ("precision: fp32", "precision: fp8", "Valid values"),
        ("rate: 5 Hz", "rate: 5", "string"),
        ("    backbone: predict1-7b\n", "    bakcbone: predict1-7b\n", "Property bakcbone is not allowed"),
    ],
)
def test_a_mistake_is_marked_on_its_line(server: Server, right: str, wrong: str, said: str) -> None:
    text = (ROOT / "recipes" / "factory.yaml").read_text().replace(right, wrong, 1)
    line = text[: text.index(wrong.strip())].count("\n") + 1
    found = server.problems(RECIPE, text)
    assert any(each.startswith(f"{line}: ") and said in each for each in found), found


def test_names_are_offered_where_they_belong(server: Server) -> None:
    assert {*zoo()} <= server.completions(RECIPE, f"{HEAD}backbone: |\n").keys()
    assert {*zoo()} <= server.completions(RECIPE, f"{HEAD}profiles:\n  large:\n    backbone: |\n").keys()
    assert {*heads()} <= server.completions(RECIPE, f"{HEAD}conditioning:\n  head: |\n").keys()
    assert {*GPUS} <= server.completions(RECIPE, f"{HEAD}hardware:\n  gpu: |\n").keys()
    assert server.completions(RECIPE, f"{HEAD}train:\n  precision: |\n").keys() == {"bf16", "fp32"}
    schemas = {path.stem for path in (ROOT / "schemas").glob("*.yaml")}
    assert schemas <= server.completions(RECIPE, f"{HEAD}dataset:\n  schema: |\n").keys()


def test_keys_are_offered_with_their_sentences_in_a_recipe_and_in_a_profile(server: Server) -> None:
    said = Train.model_fields["steps"].description
    assert server.completions(RECIPE, f"{HEAD}train:\n  |\n")["steps"] == said
    in_profile = server.completions(RECIPE, f"{HEAD}profiles:\n  large:\n    |\n")
    assert {"backbone", "train", "hardware"} <= in_profile.keys()
    assert not {"profiles", "extends", "recipe"} & in_profile.keys(), "what a profile cannot hold"
    assert server.completions(RECIPE, f"{HEAD}profiles:\n  large:\n    train:\n      |\n")["steps"] == said


@pytest.mark.parametrize("above", ["train:\n  ", "profiles:\n  large:\n    train:\n      "])
def test_the_sentence_of_a_key_shows_over_it(server: Server, above: str) -> None:
    shown = server.hover(RECIPE, f"{HEAD}{above}global_b|atch: 8\n").replace("\\", "")
    assert str(Train.model_fields["global_batch"].description) in shown


def test_files_that_commands_write_are_known_where_they_are(server: Server, tmp_path: Path) -> None:
    cosmos_recipe(tmp_path, "cp", "factory", "mine/first.yaml")
    copied = tmp_path / "mine" / "first.yaml"
    assert server.problems(copied) == []
    wrong = copied.read_text().replace("steps: 400", "stpes: 400")
    assert any("stpes" in each for each in server.problems(copied, wrong))
    cosmos_recipe(tmp_path, "data", "synthesize", "instruction-video", "made", "-n", "2")
    cosmos_recipe(tmp_path, "new", "dataset", "made")
    written = tmp_path / "datasets" / "made.yaml"
    assert server.problems(written) == []
    assert any("sorce" in each for each in server.problems(written, written.read_text().replace("source:", "sorce:")))
    cosmos_recipe(tmp_path, "migrate", toml(tmp_path), "--dataset", "made/dataset.yaml", "-o", "mine/second.yaml")
    assert server.problems(tmp_path / "mine" / "second.yaml") == []


def toml(folder: Path) -> Path:
    """Return the least that cosmos-framework trains from."""
    path = folder / "least.toml"
    path.write_text('[job]\ntask = "vfm"\nname = "least"\n[trainer]\nmax_iter = 5\n')
    return path
