"""The JSON schema of clusters.yaml, for editors."""

from __future__ import annotations

import json
from typing import Any

from cosmos_recipes.data.json_schemas import DIALECT, untitled
from cosmos_recipes.launch.target import targets
from cosmos_recipes.recipe.spec import NAME_PATTERN

CLUSTERS_FILE_NAME = "clusters.schema.json"


def clusters_json_schema() -> dict[str, Any]:
    """Return a JSON schema (draft 2020-12) of clusters.yaml; the settings of kinds that are installed besides are open."""
    kinds = {name: kind for name, kind in targets().items() if kind.__module__.startswith("cosmos_recipes.")}
    cases = [
        {
            "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{name}"},
        }
        for name in kinds
    ]
    cluster = {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"type": "string", "examples": list(kinds), "description": "The kind of cluster."}},
        "allOf": cases,
    }
    return {
        "$schema": DIALECT,
        "title": "Cosmos Recipes: clusters",
        "description": "Clusters that runs can be sent to with --on, by name.",
        "type": "object",
        "patternProperties": {NAME_PATTERN: {"$ref": "#/$defs/cluster"}},
        "additionalProperties": False,
        "$defs": {"cluster": cluster, **{name: untitled(kind.model_json_schema()) for name, kind in kinds.items()}},
    }


def clusters_schema_text() -> str:
    """Return the schema as the file that is committed."""
    return json.dumps(clusters_json_schema(), indent=2, ensure_ascii=False) + "\n"
