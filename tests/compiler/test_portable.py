"""If these fail, a run trains on other data than its recipe says, or cannot be repeated from another folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.compiler.compile import compile_recipe, read_plan
from cosmos_recipes.compiler.emit import emit, resolved_recipe, to_yaml, write_files
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.binding.spec import ColumnBinding
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.recipe.library import packaged
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from cosmos_recipes.recipe.located import parse_located
from cosmos_recipes.recipe.spec import Start
from cosmos_recipes.recipe.validation import FROM_YAML
from cosmos_recipes.run.prepare import Preparation

RECIPE = """\
recipe: arm
summary: Predict.
backbone: tiny-diffusion
dataset:
  schema: instruction-video
  use: {use}
  clip: {{frames: 13, rate: 5 Hz, size: 64x64}}
conditioning: {{head: none}}
train: {{steps: 20, global_batch: 8}}
"""
WORLD = "source: {kind: world, world: factory, episodes: 8, held_out: 4, frames: 100, rate: 16 Hz}"
PLAIN = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=12)
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN.filter(bool), inner, max_size=3),
    max_leaves=12,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where one works: a folder with a contract and data sets of one's own."""
    home = tmp_path / "home"
    for name in ("schemas", "datasets", "recipes", "videos"):
        (home / name).mkdir(parents=True)
    for name in ("a", "b"):
        (home / "datasets" / f"{name}.yaml").write_text(f"dataset: {name}\nschema: instruction-video\n{WORLD}\n")
    (home / "videos" / "a.mp4").write_bytes(b"")
    monkeypatch.chdir(home)
    return home


def plan_of(folder: Path, use: str) -> tuple[Plan, LoadedRecipe]:
    path = folder / "recipes" / "own.yaml"
    path.write_text(RECIPE.format(use=use))
    loaded = load_recipe(path)
    return compile_recipe(loaded), loaded


@pytest.mark.parametrize(
    "use",
    [
        "a",
        "../datasets/a.yaml",
        "{schema: instruction-video, mix: {../datasets/a.yaml: 1, b: 2, factory: 1}}",
        "{schema: instruction-video, source: {kind: folder, path: ../videos}}",
        "../videos",
        "factory",
    ],
)
def test_a_resolved_recipe_compiles_to_the_same_plan_wherever_one_is(
    use: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "recipes" / "factory").mkdir()
    plan, loaded = plan_of(folder, use)
    write_files(emit(plan, loaded), tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = compile_recipe(load_recipe("./recipe.yaml"))
    assert again.data == plan.data


@pytest.mark.parametrize(
    ("child", "overrides", "wanted"),
    [
        ("summary: Mine.", (), "videos"),
        ("dataset: {use: {licence: mit}}", (), "videos"),
        ("dataset: {use: {source: {path: ./near}}}", (), "recipes/sub/near"),
        ("summary: Mine.", ("dataset.use.source.path=./here",), "here"),
        ("summary: Mine.", ("dataset.use.licence=mit",), "videos"),
    ],
)
def test_a_path_of_a_data_set_inline_starts_where_it_is_written(
    child: str, overrides: tuple[str, ...], wanted: str, folder: Path
) -> None:
    """In the parent, in the recipe, or on the command line: other folders may hold other videos of the same name."""
    for name in ("recipes/videos", "recipes/sub/near", "recipes/near", "here", "recipes/here"):
        (folder / name).mkdir(parents=True)
        (folder / name / "b.mp4").write_bytes(b"")
    plan_of(folder, "{schema: instruction-video, source: {kind: folder, path: ../videos}}")
    (folder / "recipes" / "sub" / "child.yaml").write_text(f"extends: ../own.yaml\nrecipe: child\n{child}\n")
    loaded = load_recipe(folder / "recipes" / "sub" / "child.yaml", overrides=overrides)
    plan = compile_recipe(loaded)
    assert plan.data.source["path"] == str(folder / wanted)
    assert resolved_recipe(loaded, plan)["dataset"]["use"]["source"]["path"] == str(folder / wanted)


def test_weights_beside_the_recipe_are_found_from_the_resolved_recipe(folder: Path) -> None:
    plan, loaded = plan_of(folder, "factory")
    own = Start(use="tiny-diffusion", weights="../trained")
    loaded = replace(loaded, recipe=loaded.recipe.model_copy(update={"backbone": own}))
    plan = plan.model_copy(update={"backbone": plan.backbone.model_copy(update={"weights": "/trained"})})
    assert resolved_recipe(loaded, plan)["backbone"] == {
        **{"use": "tiny-diffusion", "weights": "/trained"},
        "tokenizer": "base",
    }


def test_views_in_another_order_are_other_data(folder: Path) -> None:
    """The model tells views by their place; what was prepared for one order must not serve the other."""
    plan, _ = plan_of(folder, "factory")
    one, two = (
        plan.model_copy(update={"data": plan.data.model_copy(update={"views": views})})
        for views in ({"a": "front", "b": "rear"}, {"b": "rear", "a": "front"})
    )
    assert one.fingerprint() != two.fingerprint()
    assert Preparation.of(one, folder).folder != Preparation.of(two, folder).folder
    write_files(emit(two), folder / "run")
    assert list(read_plan(folder / "run" / "plan.yaml").data.views) == ["b", "a"]


def test_a_plan_holds_its_contract(folder: Path) -> None:
    """It runs without the file of the schema, and one that has changed since is another plan and prepared anew."""
    shutil.copy(packaged("schemas") / "instruction-video.yaml", folder / "schemas")
    file = folder / "schemas" / "instruction-video.yaml"
    plan, _ = plan_of(folder, "factory")
    file.write_text(file.read_text().replace("rules: [not-empty]", "rules: []"))
    changed, _ = plan_of(folder, "factory")
    assert changed.fingerprint() != plan.fingerprint()
    assert Preparation.of(changed, folder).folder != Preparation.of(plan, folder).folder
    write_files(emit(plan), folder / "run")
    again = read_plan(folder / "run" / "plan.yaml").data.load_contract()
    file.unlink()
    assert again == load_schema("instruction-video")


def test_a_plan_from_before_contracts_were_kept_finds_its_contract_by_name(folder: Path) -> None:
    plan, _ = plan_of(folder, "factory")
    document = plan.model_dump(mode="json")
    del document["data"]["contract"]
    assert Plan.model_validate(document).data.load_contract() == plan.data.load_contract()


@settings(max_examples=150, deadline=None)
@given(tree=st.dictionaries(PLAIN.filter(bool), TREES, max_size=4))
def test_what_a_plan_holds_is_read_back_as_it_was_written(tree: dict[str, Any]) -> None:
    back = parse_located(to_yaml(tree), file="plan.yaml").tree
    assert (back, list(back)) == (tree, list(tree))


def test_a_plan_read_back_is_the_plan(folder: Path) -> None:
    """Rates, patterns and numbers of any size are the same after they stood in a file."""
    plan, _ = plan_of(folder, "factory")
    lists = dict.fromkeys(("mean", "std", "min", "max", "q01", "q99"), (0.1, 1e-5, 1e22))
    said = {
        "bindings": {"trajectory": ColumnBinding(source="ego", rate=10.0).model_dump(mode="json", exclude_none=True)},
        "held_out": ["*1", "2*"],
        "statistics": {"action": {"count": 3, **lists}},
    }
    document = plan.model_dump(mode="json")
    plan = Plan.model_validate({**document, "data": {**document["data"], **said}})
    write_files(emit(plan), folder / "run")
    again = read_plan(folder / "run" / "plan.yaml")
    assert (again, again.fingerprint()) == (plan, plan.fingerprint())
    binding = ColumnBinding.model_validate(again.data.bindings["trajectory"], context=FROM_YAML)
    assert binding == ColumnBinding(source="ego", rate=10.0)
