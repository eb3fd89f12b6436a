"""One recipe from parents, file, profile and command line; every value knows where it came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from cosmos_recipes.diagnostics import Place, RecipeError
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.recipe.spec import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]

PROFILES = """
profiles:
  large:
    hardware: {gpus: 8, gpu: h100-80gb}
    train: {steps: 20000, method: {lora: {rank: 8}}}
  fast: {train: {steps: 3}}
"""


def codes(error: pytest.ExceptionInfo[RecipeError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_a_recipe_of_python_equals_the_one_of_yaml(write: Write) -> None:
    built = Recipe(
        recipe="arm",
        summary="Predict what a gripper's camera sees next.",
        backbone="tiny-diffusion",
        dataset={
            "schema": "instruction-video",
            "use": "factory",
            "clip": {"frames": 13, "rate": "5 Hz", "size": "64x64"},
        },
        train={"steps": 800, "global_batch": 16},
    )
    assert load_recipe(write()).recipe == built
    assert Recipe.model_validate(built.model_dump(by_alias=True)) == built


def test_a_dumped_recipe_is_a_recipe_file(write: Write) -> None:
    loaded = load_recipe(write(add="  optimizer: {lr: 3e-5}\ngate: {psnr_over_copy: 1.25 dB}\n"))
    path = Path("dumped.yaml")
    YAML(typ="safe", pure=True).dump(loaded.recipe.model_dump(mode="json", by_alias=True), path)
    assert load_recipe(path).recipe == loaded.recipe


def test_layers_win_in_order_and_values_keep_their_origin(write: Write) -> None:
    write("base.yaml", add="seed: 1\nevaluate: {clips: 4}\n")
    child = write("child.yaml", "extends: base.yaml\nseed: 2\ntrain: {steps: 100}\n" + PROFILES)
    loaded = load_recipe(child, profile="large", overrides=["train.global_batch=64", "evaluate.every=5"])
    recipe = loaded.recipe
    assert (recipe.seed, recipe.evaluate.clips, recipe.evaluate.every) == (2, 4, 5)
    assert (recipe.train.steps, recipe.train.global_batch, recipe.hardware.gpus) == (20000, 64, 8)
    kinds = {path: origin.kind for path, origin in loaded.origins.items()}
    assert kinds["recipe"] == "parent"
    assert kinds["seed"] == "file"
    assert kinds["train"] == "file"
    assert kinds["train.steps"] == "profile"
    assert kinds["train.method.lora.rank"] == "profile"
    assert kinds["train.global_batch"] == "command line"
    assert loaded.origins["train.steps"].profile == "large"
    assert not {"extends", "profiles"} & {path.split(".")[0] for path in (*kinds, *loaded.tree)}
    assert [path.name for path in loaded.files] == ["child.yaml", "base.yaml"]
    assert (loaded.path.name, loaded.profile, loaded.profiles) == ("child.yaml", "large", ("large", "fast"))


def test_places_lead_to_the_file_and_line_that_gave_the_value(write: Write) -> None:
    write("base.yaml")
    loaded = load_recipe(write("child.yaml", "extends: base.yaml\ntrain: {steps: 100}\n"), overrides=["seed=3"])
    steps, batch = loaded.place_of("train.steps"), loaded.place_of("train.global_batch")
    assert steps is not None
    assert batch is not None
    assert (Path(steps.file).name, steps.line, steps.column, steps.length) == ("child.yaml", 2, 16, 3)
    assert (Path(batch.file).name, batch.line) == ("base.yaml", 10)
    assert loaded.place_of("seed") == loaded.origins["seed"].place
    assert loaded.place_of("seed") == Place(file="--set seed=3", length=12)
    assert loaded.place_of("train.optimizer.lr") == loaded.place_of("train")
    assert loaded.place_of("gate.ssim") is None


def test_relative_paths_are_read_from_the_file_that_holds_them(write: Write) -> None:
    write("shared/base.yaml")
    child = write("own/child.yaml", "extends: ../shared/base.yaml\n")
    assert load_recipe(child).folder_of("dataset.use") == Path("shared")
    assert load_recipe(child, overrides=["dataset.use=clips"]).folder_of("dataset.use") == Path()


def test_a_text_replaces_an_inline_data_set_whole_and_back(write: Write) -> None:
    text = (
        write()
        .read_text(encoding="utf-8")
        .replace("use: factory", "use: {schema: instruction-video, source: {kind: world}}")
    )
    path = write(text=text)
    loaded = load_recipe(path, overrides=["dataset.use=clips"])
    assert loaded.recipe.dataset.use == "clips"
    assert not any(key.startswith("dataset.use.") for key in loaded.origins)
    assert load_recipe(path, overrides=["dataset.use.source.kind=folder"]).recipe.dataset.use == {
        "schema": "instruction-video",
        "source": {"kind": "folder"},
    }
    inline = load_recipe(path).located("dataset.use")
    place = inline.place_of(("source", "kind"), False)
    assert (inline.tree["source"], place.line if place else 0) == ({"kind": "world"}, 6)


@pytest.mark.parametrize(
    ("written", "value"), [("null", None), ("0.5", 0.5), ("'${train.steps}'", "error"), ("${evaluate.clips}", "error")]
)
def test_a_value_of_the_command_line_may_be_null_or_refer(written: str, value: object, write: Write) -> None:
    path = write(add="  ema: 0.9\n")
    if value == "error":
        with pytest.raises(RecipeError):
            load_recipe(path, overrides=[f"train.ema={written}"])
    else:
        assert load_recipe(path, overrides=[f"train.ema={written}"]).recipe.train.ema == value


def test_interpolation_sees_the_merged_recipe_and_keeps_types(write: Write) -> None:
    path = write(
        add="evaluate: {every: '${train.steps}'}\nseed: ${evaluate.every}\npublish: {repo: 'me/${recipe}-${train.steps}'}\n"
    )
    assert load_recipe(path).recipe.evaluate.every == 800
    changed = load_recipe(path, overrides=["train.steps=5"]).recipe
    assert (changed.evaluate.every, changed.seed, changed.publish.repo) == (5, 5, "me/arm-5")


def test_the_environment_may_name_the_data(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    text = write().read_text(encoding="utf-8")
    path = write(text=text.replace("use: factory", "use: '${oc.env:CLIPS}/arm'"))
    monkeypatch.setenv("CLIPS", "/data 1")
    assert load_recipe(path).recipe.dataset.use == "/data 1/arm"
    for value, code in {"/${train.steps}": "CR150", "no path, and so perhaps a secret": "CR154"}.items():
        monkeypatch.setenv("CLIPS", value)
        with pytest.raises(RecipeError) as raised:
            load_recipe(path)
        assert codes(raised) == [code]
        assert "perhaps" not in str(raised.value.problems)
    default = write(text=text.replace("use: factory", "use: {a: '${oc.env:NOT_SET_HERE,/data/x}'}"))
    assert load_recipe(default).recipe.dataset.use == {"a": "/data/x"}


def test_texts_are_never_read_again(write: Write) -> None:
    odd = {"a": "1e-3", "b": "no", "c": "$x", "d": "\\n", "e": "{x: 1}", "f": "null", "g": "a$b{c}", "h": "true"}
    text = write().read_text(encoding="utf-8").replace("use: factory", f"use: {json.dumps(odd)}")
    path = write(text=text + "evaluate: {every: '${train.steps}'}\n")
    assert load_recipe(path).recipe.dataset.use == odd


def test_profiles_of_parent_and_child_are_merged(write: Write) -> None:
    write("base.yaml", add=PROFILES)
    child = write("child.yaml", "extends: base.yaml\nprofiles: {large: {train: {steps: 7}}, own: {seed: 4}}\n")
    assert load_recipe(child).profiles == ("large", "fast", "own")
    large = load_recipe(child, profile="large").recipe
    assert (large.train.steps, large.hardware.gpus) == (7, 8)


def test_a_recipe_may_need_its_profile(write: Write) -> None:
    text = write().read_text(encoding="utf-8").replace("  steps: 800\n", "")
    path = write(text=text + "profiles: {fast: {train: {steps: 3}}}\n")
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    assert codes(raised) == ["CR131"]
    assert load_recipe(path, profile="fast").recipe.train.steps == 3


def test_a_mistake_outside_the_profiles_is_told_once(write: Write) -> None:
    path = write(add="seed: -1\n" + PROFILES)
    for profile in (None, "fast"):
        with pytest.raises(RecipeError) as raised:
            load_recipe(path, profile=profile)
        assert codes(raised) == ["CR134"]


def test_an_override_can_mend_what_is_wrong_in_the_file(write: Write) -> None:
    path = write(add="seed: -1\n" + PROFILES)
    assert load_recipe(path, overrides=["seed=1"]).recipe.seed == 1


_SETTINGS = {
    "seed": st.integers(0, 99),
    "train.steps": st.integers(1, 99),
    "train.optimizer.lr": st.sampled_from([1e-3, 1e-4]),
    "train.method": st.sampled_from(["full", {"lora": {"rank": 4}}, {"lora": {"alpha": 2}}]),
    "evaluate": st.sampled_from([{"clips": 3}, {"every": 2, "clips": 5}]),
    "dataset.use": st.sampled_from(["a", {"x": 1}, {"x": {"y": [1]}, "z": 2}]),
}
_CHANGES = st.lists(
    st.sampled_from(sorted(_SETTINGS)).flatmap(lambda key: st.tuples(st.just(key), _SETTINGS[key])), max_size=5
)


def written(changes: list[tuple[str, object]]) -> list[str]:
    from io import StringIO

    def flow(value: object) -> str:
        stream, yaml = StringIO(), YAML(typ="safe", pure=True)
        yaml.default_flow_style, yaml.width = True, 1000
        yaml.dump([value], stream)
        return stream.getvalue().strip()[1:-1]

    return [f"{key}={flow(value)}" for key, value in changes]


def nested(changes: list[tuple[str, object]]) -> dict[str, object]:
    """Apply changes one after the other to an empty mapping, as an editor of the file would."""
    from copy import deepcopy

    tree: dict[str, object] = {}
    for dotted, value in changes:
        *around, last = dotted.split(".")
        block: dict[str, object] = tree
        for part in around:
            block = block.setdefault(part, {})
        known = block.get(last)
        block[last] = _deep(known, value) if isinstance(known, dict) and isinstance(value, dict) else deepcopy(value)
    return tree


def _deep(low: dict[str, object], high: dict[str, object]) -> dict[str, object]:
    both = {
        key: _deep(low[key], high[key])
        for key in low.keys() & high.keys()
        if isinstance(low[key], dict) and isinstance(high[key], dict)
    }
    return {**low, **high, **both}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(profile=_CHANGES, overrides=_CHANGES)
def test_a_profile_then_overrides_equal_an_edited_file(
    profile: list[tuple[str, object]], overrides: list[tuple[str, object]], write: Write, base: str
) -> None:
    yaml = YAML(typ="safe", pure=True)
    tree = yaml.load(base)
    yaml.dump({**tree, "profiles": {"p": nested(profile)}}, Path("profiled.yaml"))
    edited = _deep(tree, nested(profile))
    for override in overrides:
        edited = _deep(edited, nested([override]))
    yaml.dump(edited, Path("edited.yaml"))
    loaded = load_recipe("./profiled.yaml", profile="p", overrides=written(overrides))
    assert loaded.recipe == load_recipe("./edited.yaml").recipe
    assert set(loaded.origins) == {".".join(path) for path in paths(loaded.tree)}


def paths(node: object, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    below = [path for key, child in children for path in paths(child, (*prefix, str(key)))]
    return [*([prefix] if prefix else []), *below]
