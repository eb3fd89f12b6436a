"""Write the tables of `docs/data.md` from the descriptions of the fields: `python docs/fields.py`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from cosmos_recipes.data.binding.spec import ColumnBinding
from cosmos_recipes.data.contract import Column, Schema
from cosmos_recipes.data.dataset import DatasetFile
from cosmos_recipes.data.geometry import INTRINSICS_PRESETS, POSE_PRESETS
from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention

PAGE = Path(__file__).with_name("data.md")
MODELS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (DatasetFile, ColumnBinding, PoseConvention, IntrinsicsConvention, Schema, Column)
}
_TABLE = re.compile(r"(<!-- (?:fields: (\w+)|presets) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(page: str) -> str:
    """Return the page with fresh tables."""
    return _TABLE.sub(lambda found: found[1] + (fields(MODELS[found[2]]) if found[2] else presets()) + found[3], page)


def fields(model: type[BaseModel]) -> str:
    """Return a table of the keys of a block."""
    tree = model.model_json_schema()
    rows = [
        f"| `{name}`{' (needed)' if name in tree['required'] else ''} | {_described(field)} |\n"
        for name, field in tree["properties"].items()
    ]
    return "| key | what it says |\n| --- | --- |\n" + "".join(rows)


def presets() -> str:
    """Return a table of the presets."""
    rows = [
        f"| `{name}` | {what} | {', '.join(f'{key}: {value}' for key, value in preset.model_dump(exclude_defaults=True).items())} |\n"
        for what, table in (("poses", POSE_PRESETS), ("intrinsics", INTRINSICS_PRESETS))
        for name, preset in table.items()
    ]
    return "| preset | of | parts |\n| --- | --- | --- |\n" + "".join(rows)


def _described(field: dict[str, Any]) -> str:
    chosen_from = [str(choice) for option in (field, *field.get("anyOf", ())) for choice in option.get("enum", ())]
    choices = f" One of {', '.join(f'`{choice}`' for choice in chosen_from)}." if chosen_from else ""
    return (field["description"] + choices).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
