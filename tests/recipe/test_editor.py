"""The first line of a file leads an editor to the JSON schema, wherever the file and the package lie."""

from __future__ import annotations

from pathlib import Path

import pytest

import cosmos_recipes
from cosmos_recipes.recipe.editor import MARK, schema_line
from cosmos_recipes.recipe.library import packaged

CHECKOUT = Path(cosmos_recipes.__file__).parents[1]


def led_to(line: str, file: Path) -> Path:
    assert line.startswith(MARK)
    return (file.parent / line.removeprefix(MARK)).resolve()


def test_the_line_of_every_shipped_file_leads_to_a_json_schema() -> None:
    for folder, what in (("recipes", "recipe"), ("datasets", "dataset"), ("schemas", "schema")):
        for path in (CHECKOUT / folder).rglob("*.yaml"):
            line = path.read_text(encoding="utf-8").splitlines()[0]
            assert led_to(line, path) == CHECKOUT / "schemas" / f"{what}.schema.json", path


def test_it_is_the_packaged_one_or_that_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    target = Path("mine") / "a.yaml"
    assert led_to(schema_line("recipe", target), target) == (packaged("schemas") / "recipe.schema.json").resolve()
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "recipe.schema.json").touch()
    assert schema_line("recipe", target) == f"{MARK}../schemas/recipe.schema.json"
    assert led_to(schema_line("dataset", target), target).is_file()
