"""The JSON schema of a recipe file, for editors: completion, hover texts and red lines while writing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from cosmos_recipes.recipe.spec import RecipeFile

SCHEMA_FILE_NAME = "recipe.schema.json"
_INTERPOLATION = {
    "type": "string",
    "pattern": r"\$\{[^{}]+\}",
    "description": "The value of another key: ${train.steps}.",
}


def recipe_json_schema(choices: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
    """Return a JSON schema (draft 2020-12) of recipe files.

    A profile repeats only the keys that it changes, and so does a recipe that extends another: there no key is required.
    `choices` are names that an editor offers, by block and key (`Conditioning.head`); others are allowed.
    """
    full = RecipeFile.model_json_schema()
    definitions: dict[str, Any] = {name: _tidied(node) for name, node in full.pop("$defs").items()}
    recipe = _tidied(full)
    for dotted, names in (choices or {}).items():
        block, key = dotted.split(".")
        (recipe if block == "Recipe" else definitions[block])["properties"][key]["examples"] = list(names)
    overlays = {f"{name}Overlay": _overlay(node) for name, node in definitions.items()}
    profile = _overlay(recipe)
    profile["description"] = "A named overlay: the keys that it changes."
    for key in ("extends", "profiles", "recipe"):
        profile["properties"].pop(key)
    recipe["properties"]["profiles"] = {
        **{key: recipe["properties"]["profiles"][key] for key in ("description",)},
        "type": "object",
        "patternProperties": {r"^[a-z0-9][a-z0-9._-]*$": {"$ref": "#/$defs/Profile"}},
        "additionalProperties": False,
    }
    extending = {**_overlay(recipe), "required": ["extends"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Cosmos Recipes: a recipe",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/ExtendingRecipe"},
        "else": {"$ref": "#/$defs/Recipe"},
        "$defs": {
            "Recipe": recipe,
            "ExtendingRecipe": extending,
            "Profile": profile,
            "Interpolation": _INTERPOLATION,
            **definitions,
            **overlays,
        },
    }


def schema_text(choices: Mapping[str, Sequence[str]]) -> str:
    """Return the schema with these choices as the file that is committed."""
    return json.dumps(recipe_json_schema(choices), indent=2, ensure_ascii=False) + "\n"


def _tidied(node: dict[str, Any]) -> dict[str, Any]:
    """Return a block without pydantic's titles, with a scalar open to interpolation wherever it is not text already."""
    block = {key: value for key, value in deepcopy(node).items() if key != "title"}
    block["properties"] = {name: _open(value) for name, value in node["properties"].items()}
    return block


def _open(field: dict[str, Any]) -> dict[str, Any]:
    field = {key: value for key, value in deepcopy(field).items() if key != "title"}
    options: list[dict[str, Any]] = field.pop("anyOf", None) or [_type_of(field)]
    is_free_text = any(option.get("type") == "string" and not _is_narrow(option) for option in options)
    is_block = all("$ref" in option or option.get("type") in ("object", "null") for option in options)
    if not (is_free_text or is_block):
        options = [*options, {"$ref": "#/$defs/Interpolation"}]
    return {**(options[0] if len(options) == 1 else {"anyOf": options}), **field}


def _type_of(field: dict[str, Any]) -> dict[str, Any]:
    """Take what restricts the value out of a field, and leave what describes it."""
    return {key: field.pop(key) for key in list(field) if key not in ("description", "default", "examples")}


def _is_narrow(option: dict[str, Any]) -> bool:
    return any(key in option for key in ("pattern", "enum", "const"))


def _overlay(node: dict[str, Any]) -> dict[str, Any]:
    """Return a block in which no key is required, here and below."""
    block: dict[str, Any] = _relinked({key: value for key, value in deepcopy(node).items() if key != "required"})
    return block


def _relinked(node: Any) -> Any:
    match node:
        case dict():
            return {
                key: _link(value) if key == "$ref" else _relinked(value)
                for key, value in node.items()
                if key != "default"
            }
        case list():
            return [_relinked(item) for item in node]
        case _:
            return node


def _link(reference: str) -> str:
    is_shared = reference.endswith(("/Interpolation", "/Profile"))
    return reference if is_shared else f"{reference}Overlay"
