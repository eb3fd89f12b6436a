"""Strings that other people wrote, as Markdown that shows them and does nothing else: no HTML, links, mentions or formulas.

What goes into the page without being escaped is a `Markdown`; the template's environment escapes everything else.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Any

LONGEST = 2000
"""Characters of a text that are shown."""
_ENTITIES = {
    "&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "$": "&#36;",
    **{sign: f"\\{sign}" for sign in "\\`*_[]|~"},
}  # fmt: skip
_ADDRESS = re.compile(r"(?<=\w):(?=//)|(?<=www)\.", re.IGNORECASE)
_BEGINS_A_BLOCK = re.compile(r"^(?:[+=-](?=[\s+=-]|$)|#(?=#*(?:\s|$))|\d(?=\d*[.)](?:\s|$)))")
_NOT_CODE = re.compile(r"[`|]")


class Markdown(str):
    """Text that is meant as it stands."""

    __slots__ = ()


def escaped(value: Any) -> Markdown:
    """Return a value as text of one line that Markdown, HTML and the Hub take literally."""
    if isinstance(value, Markdown):
        return value
    text = _signs(_one_line(str(value)))
    text = _ADDRESS.sub(_entity, text)
    return Markdown(_BEGINS_A_BLOCK.sub(_entity, text))


def code(value: Any) -> Markdown:
    """Return a value as code within a line or a cell of a table."""
    text = _one_line(str(value))
    if not text or _NOT_CODE.search(text):
        signs = (sign if sign.isalnum() or sign in " -." else f"&#{ord(sign)};" for sign in text)
        return Markdown(f"<code>{''.join(signs)}</code>")
    return Markdown(f"`{text}`")


def fenced(text: str, language: str = "") -> Markdown:
    """Return lines as a block of code, which nothing in them can end."""
    shown = "\n".join(_printable(line) for line in text.rstrip().split("\n"))
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown(f"{fence}{language}\n{shown}\n{fence}")


def attribute(value: Any) -> Markdown:
    """Return a value as that of an attribute of HTML."""
    return Markdown(html.escape(_one_line(str(value)), quote=True))


def _signs(text: str) -> str:
    return "".join(_ENTITIES.get(sign, sign) for sign in text)


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def _one_line(text: str) -> str:
    line = _printable(" ".join(text.split()))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _printable(line: str) -> str:
    """Return a line without control characters and signs that turn the direction of what follows."""
    return "".join(sign for sign in line.replace("\t", "    ") if not unicodedata.category(sign).startswith("C"))
