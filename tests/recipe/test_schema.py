"""Editors know the whole language: what a recipe may say, a profile may say, and the file in the repository is fresh."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cosmos_recipes
from cosmos_recipes.compiler.choices import choices
from cosmos_recipes.recipe.schema import SCHEMA_FILE_NAME, recipe_json_schema, schema_text

CHECKOUT = Path(cosmos_recipes.__file__).parents[1]


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    schema = recipe_json_schema()
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return node


def every_node(node: Any) -> list[dict[str, Any]]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [*([node] if isinstance(node, dict) else []), *(found for child in children for found in every_node(child))]


def test_the_committed_schema_is_fresh() -> None:
    stored = (CHECKOUT / "schemas" / SCHEMA_FILE_NAME).read_text(encoding="utf-8")
    assert stored == schema_text(choices()), "run `cosmos-recipe schema` and commit the file"


def test_every_shipped_recipe_names_it_in_its_first_line() -> None:
    for path in (CHECKOUT / "recipes").rglob("*.yaml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        up = "../" * (len(path.relative_to(CHECKOUT).parts) - 1)
        assert first == f"# yaml-language-server: $schema={up}schemas/{SCHEMA_FILE_NAME}", path


def test_every_reference_leads_somewhere() -> None:
    schema = recipe_json_schema()
    links = {node["$ref"].removeprefix("#/$defs/") for node in every_node(schema) if isinstance(node.get("$ref"), str)}
    assert links <= schema["$defs"].keys()


def test_every_key_is_described() -> None:
    for name, definition in recipe_json_schema()["$defs"].items():
        for key, field in definition.get("properties", {}).items():
            assert field.get("description") or resolved(field).get("description"), f"{name}.{key}"


def test_aliases_are_what_people_write() -> None:
    dataset = resolved({"$ref": "#/$defs/Dataset"})
    assert "schema" in dataset["properties"]
    assert "schema_name" not in dataset["properties"]


def test_blocks_are_closed_and_required_keys_are_known() -> None:
    recipe = resolved({"$ref": "#/$defs/Recipe"})
    assert recipe["additionalProperties"] is False
    assert set(recipe["required"]) == {"recipe", "summary", "backbone", "dataset", "train"}


def test_a_profile_may_give_any_setting_and_needs_none() -> None:
    profile = resolved({"$ref": "#/$defs/Profile"})
    reached = [profile, *(resolved(field) for field in profile["properties"].values())]
    assert not any("required" in block for block in reached)
    assert profile["properties"].keys().isdisjoint({"extends", "profiles", "recipe"})
    assert "steps" in resolved(profile["properties"]["train"])["properties"]


def test_a_number_may_be_an_interpolation() -> None:
    steps = resolved({"$ref": "#/$defs/Train"})["properties"]["steps"]
    assert {"minimum": 1, "type": "integer"} in steps["anyOf"]
    assert {"$ref": "#/$defs/Interpolation"} in steps["anyOf"]
    assert re.search(resolved({"$ref": "#/$defs/Interpolation"})["pattern"], "${train.steps}")
