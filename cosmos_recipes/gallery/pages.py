"""The pages, as Markdown that holds HTML: one template each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cosmos_recipes.diagnostics.words import on_page

_TEMPLATES = Path(__file__).with_name("templates")
_CODE = re.compile(r"`([^`]+)`")


class Pages:
    """Writes pages into the folder of the site's sources. What recipes say is shown as text, never as HTML or Markdown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            finalize=on_page,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["code_marks"] = code_marks
        self._templates.filters["gb"] = gigabytes
        self._templates.filters["hours"] = hours

    def write(self, address: str, template: str, **values: Any) -> None:
        """Write a page, such as `recipes/factory.md`, from the template of that name."""
        path = self.folder / address
        path.parent.mkdir(parents=True, exist_ok=True)
        root = "../" * address.count("/")
        text = self._templates.get_template(f"{template}.md.j2").render(root=root, **values)
        path.write_text(text, encoding="utf-8")


def code_marks(text: str) -> Markup:
    """Return a sentence with what stands in backticks as code."""
    words: Sequence[str] = _CODE.split(text)
    marked = [
        Markup("<code>{}</code>").format(word) if number % 2 else Markup.escape(word)
        for number, word in enumerate(words)
    ]
    return Markup("").join(marked)


def gigabytes(size_bytes: float) -> str:
    """Return a size in GB of 10^9 bytes."""
    return f"{size_bytes / 1e9:.3g} GB"


def hours(seconds: float) -> str:
    """Return a time in hours, or in minutes where it is short."""
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.{0 if seconds >= 36_000 else 1}f} h"
