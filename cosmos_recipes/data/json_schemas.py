"""The JSON schemas of data set files and of contracts, for editors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from cosmos_recipes.data.contract import Schema
from cosmos_recipes.data.dataset import DatasetFile
from cosmos_recipes.data.geometry import INTRINSICS_PRESETS, POSE_PRESETS
from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.sources import own_source_names, source_class

DATASET_FILE_NAME, CONTRACT_FILE_NAME = "dataset.schema.json", "schema.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def dataset_json_schema() -> dict[str, Any]:
    """Return a JSON schema (draft 2020-12) of data set files.

    Each source of this project has its settings; the settings of a source that is installed besides are left open.
    """
    tree = _schema_of(DatasetFile, "Cosmos Recipes: a data set")
    definitions: dict[str, Any] = tree["$defs"]
    for model in (PoseConvention, IntrinsicsConvention):
        definitions[model.__name__] = untitled(model.model_json_schema())
    definitions["Convention"] = {
        "anyOf": [
            {"enum": list(dict.fromkeys([*POSE_PRESETS, *INTRINSICS_PRESETS]))},
            {"$ref": "#/$defs/PoseConvention"},
            {"$ref": "#/$defs/IntrinsicsConvention"},
        ]
    }
    for model_name in ("ColumnBinding", "Mount"):
        field = definitions[model_name]["properties"]["convention"]
        definitions[model_name]["properties"]["convention"] = {
            "description": field["description"],
            "$ref": "#/$defs/Convention",
        }
    tree["properties"]["source"] = {"description": tree["properties"]["source"]["description"], **_sources(definitions)}
    return tree


def contract_json_schema() -> dict[str, Any]:
    """Return a JSON schema (draft 2020-12) of contracts."""
    return _schema_of(Schema, "Cosmos Recipes: a contract")


def json_schema_texts() -> dict[str, str]:
    """Return the JSON schemas as the files that are committed, by name."""
    trees = {DATASET_FILE_NAME: dataset_json_schema(), CONTRACT_FILE_NAME: contract_json_schema()}
    return {name: json.dumps(tree, indent=2, ensure_ascii=False) + "\n" for name, tree in trees.items()}


def _schema_of(model: type[BaseModel], title: str) -> dict[str, Any]:
    return {"$schema": DIALECT, "title": title, **untitled(model.model_json_schema())}


def _sources(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return what a block `source` may hold, by its kind."""
    kinds = own_source_names()
    for kind in kinds:
        settings = untitled(source_class(kind).model_json_schema())
        definitions |= settings.pop("$defs", {})
        settings["properties"] = {"kind": {"const": kind}, **settings["properties"]}
        definitions[f"source-{kind}"] = settings
    cases = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/source-{kind}"},
        }
        for kind in kinds
    ]
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"type": "string", "examples": list(kinds), "description": "Which source."}},
        "allOf": cases,
    }


def untitled(node: Any) -> Any:
    """Return a schema without the titles that pydantic makes of names; a property may be called so."""
    if isinstance(node, list):
        return [untitled(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        key: {name: untitled(each) for name, each in value.items()} if key == "properties" else untitled(value)
        for key, value in node.items()
        if key != "title"
    }
