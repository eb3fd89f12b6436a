"""What each code means: `codes.yaml`, read once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from cosmos_recipes.diagnostics.nearest import nearest
from cosmos_recipes.diagnostics.problem import Place, fail

CODES_FILE = Path(__file__).with_name("codes.yaml")


@cache
def codes() -> dict[str, dict[str, str]]:
    """Return title and explanation of every code."""
    from ruamel.yaml import YAML

    table: dict[str, dict[str, str]] = YAML(typ="safe", pure=True).load(CODES_FILE)
    return table


def code_names() -> list[str]:
    """Return every code; they stand at the beginning of a line, which is found much faster than YAML is read."""
    return re.findall(r"^(CR\d{3}):", CODES_FILE.read_text(encoding="utf-8"), re.MULTILINE)


def title(code: str) -> str:
    """Return the short name of a code; the code itself if the table lacks it, as a message must never fail."""
    entry = codes().get(code)
    return entry["title"] if entry else code


def explain(code: str) -> str:
    """Return a code's title and explanation as text.

    Raises:
        RecipeError: there is no such code (CR199).
    """
    known = codes()
    name = code.strip().upper()
    if name not in known:
        close = nearest(name, known)
        hint = f"did you mean `{close}`?" if close else "copy it from the message that showed it"
        fail(
            "CR199",
            f"there is no code `{code}`",
            place=Place(file=f"explain {code}"),
            expected="a code such as CR130",
            hint=hint,
        )
    entry = known[name]
    return f"{name}: {entry['title']}\n\n{entry['explanation'].strip()}\n"
