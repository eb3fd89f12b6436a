"""Write the tables of `docs/data.md` and `docs/launch.md` from the descriptions of the fields: `python docs/fields.py`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from cosmos_recipes.data.binding.spec import ColumnBinding
from cosmos_recipes.data.checks.rules import RULES
from cosmos_recipes.data.contract import Column, Schema
from cosmos_recipes.data.dataset import DatasetFile
from cosmos_recipes.data.geometry import INTRINSICS_PRESETS, POSE_PRESETS
from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention
from cosmos_recipes.diagnostics.codes import title
from cosmos_recipes.launch.target import Target, targets

PAGES = [Path(__file__).with_name(name) for name in ("data.md", "launch.md")]
MODELS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        *(DatasetFile, ColumnBinding, PoseConvention, IntrinsicsConvention, Schema, Column, Target),
        *targets().values(),
    )
}
_TABLE = re.compile(r"(<!-- (?:fields: (\w+)|presets|rules) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(page: str) -> str:
    """Return the page with fresh tables."""
    others = {"presets": presets, "rules": rules}

    def fresh(found: re.Match[str]) -> str:
        table = fields(MODELS[found[2]]) if found[2] else others[found[1].split()[1]]()
        return found[1] + table + found[3]

    return _TABLE.sub(fresh, page)


def fields(model: type[BaseModel]) -> str:
    """Return a table of the keys of a block; those that all kinds of cluster have are in a table of their own."""
    tree = model.model_json_schema()
    told = set(Target.model_fields) if issubclass(model, Target) and model is not Target else set()
    rows = [
        f"| `{name}`{' (needed)' if name in tree.get('required', ()) else ''} | {_described(field)} |\n"
        for name, field in tree["properties"].items()
        if name not in told
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


def rules() -> str:
    """Return a table of the rules of `data check`, a row for each code."""
    kinds = dict.fromkeys((rule.code, rule.severity, rule.looks_at) for rule in RULES)
    rows = [
        f"| {code} | {title(code)} | {looks_at} | {severity} | {', '.join(names)} |\n"
        for code, severity, looks_at in sorted(kinds)
        if (
            names := [
                rule.name for rule in RULES if (rule.code, rule.severity, rule.looks_at) == (code, severity, looks_at)
            ]
        )
    ]
    return "| code | what it finds | looks at | is | rules |\n| --- | --- | --- | --- | --- |\n" + "".join(rows)


def _described(field: dict[str, Any]) -> str:
    chosen_from = [str(choice) for option in (field, *field.get("anyOf", ())) for choice in option.get("enum", ())]
    choices = f" One of {', '.join(f'`{choice}`' for choice in chosen_from)}." if chosen_from else ""
    return (field["description"] + choices).replace("|", "\\|")


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
