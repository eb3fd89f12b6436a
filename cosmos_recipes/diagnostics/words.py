"""Values and lists in a person's words; nothing that is shown can steer a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_LONGEST_TEXT = 60
_LONGEST_LIST = 24


def visible(text: str) -> str:
    """Return the text with every character that does not print (controls, line ends, direction marks) as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


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
