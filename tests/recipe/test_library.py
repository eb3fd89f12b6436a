"""A name means the working directory's file first, then the one that ships with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosmos_recipes.diagnostics import Place, Problem, RecipeError
from cosmos_recipes.recipe.library import find, names, packaged


def refused(*arguments: str, **options: Path) -> Problem:
    with pytest.raises(RecipeError) as raised:
        find(*arguments, **options)
    [problem] = raised.value.problems
    return problem


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "arm-poses.yaml").touch()
    return tmp_path


def test_shipped_files_are_found_from_anywhere() -> None:
    shipped = packaged("schemas") / "instruction-video.yaml"
    assert find("schemas", "instruction-video") == shipped
    assert shipped.is_file()


def test_the_working_directory_comes_first(folder: Path) -> None:
    (folder / "schemas" / "instruction-video.yaml").touch()
    assert find("schemas", "instruction-video") == Path("schemas/instruction-video.yaml")


def test_names_of_both_places_are_listed() -> None:
    assert {"arm-poses", "instruction-video"} <= names("schemas").keys()


def test_a_path_is_read_from_the_folder_of_the_file_that_holds_it(folder: Path) -> None:
    assert find("schemas", "./arm-poses.yaml", relative_to=Path("schemas")) == Path("schemas/arm-poses.yaml")
    assert (
        find("schemas", "../schemas/arm-poses.yaml", relative_to=folder / "schemas")
        == folder / "schemas/arm-poses.yaml"
    )
    assert find("schemas", str(folder / "schemas"), relative_to=Path("x")) == folder / "schemas"


def test_a_wrong_name_gets_the_nearest_and_keeps_its_place() -> None:
    with pytest.raises(RecipeError) as raised:
        find("schemas", "arm-pose", place=Place(file="r.yaml", line=3, column=2))
    [problem] = raised.value.problems
    assert (problem.code, problem.message, problem.hint) == (
        "CR200",
        "there is no schema called `arm-pose`",
        "did you mean `arm-poses`?",
    )
    assert problem.place == Place(file="r.yaml", line=3, column=2)


def test_a_wrong_path_gets_the_nearest_file_or_folder() -> None:
    assert refused("schemas", "schemas/arm-pose.yaml").hint == "did you mean `schemas/arm-poses.yaml`?"
    assert refused("schemas", "schema/arm-poses.yaml").hint == "did you mean `schemas`?"
    assert refused("schemas", "./nothing-like-it.yaml").code == "CR100"


def test_a_file_can_be_looked_for_in_no_folder() -> None:
    assert refused("schemas", "/no/such/folder/at/all.yaml").code == "CR100"
    assert refused("schemas", "schemas/arm-poses.yaml/x.yaml").code == "CR100"


def test_the_hub_is_not_read_in_passing() -> None:
    assert refused("recipes", "hf://owner/model").code == "CR201"


@pytest.mark.parametrize("said", ["ada/factory", "hf:/ada/factory", "https://huggingface.co/ada/factory/"])
def test_a_model_on_the_hub_is_told_how_to_be_named(said: str) -> None:
    assert refused("recipes", said).hint.endswith("a model on the Hub is `hf://ada/factory`")
    assert "Hub" not in refused("recipes", "ada/factory.yaml").hint
