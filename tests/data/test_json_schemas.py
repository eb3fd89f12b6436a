"""Editors know what a data set file and a contract may say, and the files in the repository are fresh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cosmos_recipes
from cosmos_recipes.data.geometry import POSE_PRESETS
from cosmos_recipes.data.json_schemas import (
    CONTRACT_FILE_NAME,
    DATASET_FILE_NAME,
    contract_json_schema,
    dataset_json_schema,
    json_schema_texts,
)
from cosmos_recipes.data.sources import own_source_names, source_class, source_names

CHECKOUT = Path(cosmos_recipes.__file__).parents[1]
BOTH = pytest.mark.parametrize("schema", [dataset_json_schema(), contract_json_schema()], ids=["dataset", "contract"])


def every_node(node: Any) -> list[dict[str, Any]]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [*([node] if isinstance(node, dict) else []), *(found for child in children for found in every_node(child))]


def test_the_committed_schemas_are_fresh() -> None:
    for name, text in json_schema_texts().items():
        stored = (CHECKOUT / "schemas" / name).read_text(encoding="utf-8")
        assert stored == text, "run `cosmos-recipe schema` and commit the files"


@pytest.mark.parametrize(
    ("folder", "named"), [("datasets", f"../schemas/{DATASET_FILE_NAME}"), ("schemas", CONTRACT_FILE_NAME)]
)
def test_every_shipped_file_names_its_own_in_the_first_line(folder: str, named: str) -> None:
    for path in (CHECKOUT / folder).glob("*.yaml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first == f"# yaml-language-server: $schema={named}", path
        assert (path.parent / named).exists()


@BOTH
def test_every_reference_leads_somewhere_and_nothing_has_a_made_up_title(schema: dict[str, Any]) -> None:
    nodes = every_node(schema)
    links = {node["$ref"].removeprefix("#/$defs/") for node in nodes if isinstance(node.get("$ref"), str)}
    assert links <= schema["$defs"].keys()
    assert [node["title"] for node in nodes if isinstance(node.get("title"), str)] == [schema["title"]]


@BOTH
def test_every_key_is_described(schema: dict[str, Any]) -> None:
    for name, block in {"": schema, **schema["$defs"]}.items():
        for key, field in block.get("properties", {}).items():
            assert field.get("description") or "const" in field or "$ref" in field, f"{name}.{key}"


def test_each_source_has_its_own_settings_and_no_others() -> None:
    definitions = dataset_json_schema()["$defs"]
    assert {*own_source_names()} <= {*source_names()}
    for kind in own_source_names():
        settings = definitions[f"source-{kind}"]
        assert settings["properties"].keys() == {"kind", *source_class(kind).model_fields}
        assert settings["additionalProperties"] is False


def test_conventions_are_offered_by_name() -> None:
    offered = dataset_json_schema()["$defs"]["Convention"]["anyOf"][0]["enum"]
    assert {*POSE_PRESETS} <= {*offered}
