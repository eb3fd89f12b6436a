"""Values and lists in a person's words; nothing that is shown can steer a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that do not show, steer a terminal, or change the direction of the text around them, for a class of `re`."""
_HIDDEN = re.compile(rf"(?!\r\n)[{HIDDEN}]")
_LONGEST_TEXT = 60
_LONGEST_LIST = 24


def visible(text: str) -> str:
    """Return the text with every character that does not print (controls, line ends, direction marks) as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def shown(text: str) -> str:
    """Return a text of lines as `visible`, its line ends, tabs and wide blanks kept."""
    plain = text.replace("\n", "").replace("\t", "")
    return text if plain.isprintable() else _HIDDEN.sub(lambda found: visible(found[0]), text)


def on_page(value: object) -> object:
    """Return what a template is given as it may stand on a page: texts as `shown`, ready markup as it is.

    It is what Jinja calls `finalize`, and goes with its `autoescape`.
    """
    return shown(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _escaped(character: str) -> str:
    number = ord(character)
    if character in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[character]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def shortened(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return the text, cut with dots if it is longer than `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def listed(words: Iterable[str], last: str = "or") -> str:
    """Return `a, b or c`; beyond a couple of dozen the rest is counted."""
    known = list(words)
    if len(known) > _LONGEST_LIST:
        known = [*known[:_LONGEST_LIST], f"{len(known) - _LONGEST_LIST} more"]
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} {last} {known[-1]}" if known else "nothing"


def kind_of(value: Any) -> str:
    """Return what a value of a YAML file is: `the text "yes"`, `the number 5`, `a list of 3`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return f"a mapping with {listed(map(str, value), 'and')}" if value else "an empty mapping"
        case list() | tuple():
            return f"a list of {len(value)}" if value else "an empty list"
        case str():
            return f'the text "{shortened(value)}"'
        case int() | float():
            return f"the number {shortened(str(value))}"
        case _:
            return shortened(str(value))
