"""What a YAML parser complains about, in words that say what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.diagnostics import Place, Problem
from cosmos_recipes.recipe.files import Lines


@dataclass(frozen=True, slots=True)
class _Advice:
    """A complaint of the parser that holds `sign`, and what to say instead; `opening` points at where it began."""

    sign: str
    message: str
    hint: str
    opening: bool = False
    code: str = "CR110"


_ADVICE = (
    _Advice(
        "'\\t' that cannot start",
        "a tab stands where YAML takes spaces",
        "replace every tab of the file with spaces",
        code="CR111",
    ),
    _Advice(
        "mapping values are not allowed",
        "a colon is not allowed here",
        "quote the text if the colon is part of it; otherwise check that this line and the one above are indented as they should",
    ),
    _Advice(
        "sequence entries are not allowed",
        "a list cannot begin here",
        "put each `- item` on a line of its own, or write [a, b]",
    ),
    _Advice(
        "could not find expected ':'",
        "this line has no colon",
        "write `key: value`; a longer text is indented under its key",
        opening=True,
    ),
    _Advice(
        "but found '<block mapping start>'",
        "this line is not indented like its neighbours",
        "give all keys of a block the same number of spaces",
    ),
    _Advice(
        "but found '<block sequence start>'",
        "this line is not indented like its neighbours",
        "give all items of a list the same number of spaces",
    ),
    _Advice(
        "expected <block end>, but found '-'",
        "a list item stands where a key is expected",
        "indent the list under its key, one item a line",
    ),
    _Advice(
        "expected <block end>, but found '?'",
        "a key stands where a list item is expected",
        "begin the line with `- `, or take the list away",
    ),
    _Advice(
        "expected <block end>, but found '<scalar>'",
        "this text cannot follow what stands before it",
        "quote the whole value if this is part of it, and check the quotes before this place",
    ),
    _Advice(
        "expected <block end>",
        "this cannot stand here",
        "check the indentation, and the quotes and brackets before this place",
    ),
    _Advice(
        "expected ',' or ']'",
        "the bracket opened here is never closed",
        "add `]`, or a comma between the items",
        opening=True,
    ),
    _Advice(
        "expected ',' or '}'",
        "the brace opened here is never closed",
        "add `}`, or a comma between the entries",
        opening=True,
    ),
    _Advice(
        "found unexpected end of stream", "the quote opened here is never closed", "add the closing quote", opening=True
    ),
    _Advice(
        "found unexpected document separator",
        "the quote opened here is never closed",
        "add the closing quote",
        opening=True,
    ),
    _Advice(
        "unknown escape character",
        "there is no such escape",
        "in double quotes write \\\\ for a backslash, or use single quotes: 'a\\b'",
    ),
    _Advice(
        "escape sequence of",
        "this escape is not complete",
        "write \\x and 2, \\u and 4 or \\U and 8 hexadecimal digits, or use single quotes",
    ),
    _Advice("that cannot start any token", "text cannot begin with this character", "put the whole text in quotes"),
    _Advice(
        "expected the node content",
        "a value is expected here",
        "quote the text if it begins with a bracket or a comma; otherwise remove what is too much",
    ),
    _Advice(
        "expected '<document start>'",
        "this stands after the end of the document",
        "remove it, or check the brackets before this place",
    ),
    _Advice("scanning an anchor", "text cannot begin with &", "put the whole text in quotes"),
    _Advice("scanning an alias", "text cannot begin with *", "put the whole text in quotes"),
    _Advice(
        "undefined tag handle",
        "text cannot begin with !",
        "put the whole text in quotes; tags are not part of the language",
        code="CR114",
    ),
    _Advice(
        "scanning a tag",
        "text cannot begin with !",
        "put the whole text in quotes; tags are not part of the language",
        code="CR114",
    ),
    _Advice(
        "parsing a tag",
        "text cannot begin with !",
        "put the whole text in quotes; tags are not part of the language",
        code="CR114",
    ),
    _Advice(
        "scanning a block scalar",
        "a text block begins with | or > alone",
        "write `key: |` and the text on the next lines, indented",
    ),
    _Advice(
        "directive", "a line that begins with % is a directive", "remove the line: files are YAML 1.2", code="CR121"
    ),
    _Advice("incompatible YAML document", "files are YAML 1.2", "remove the %YAML line", code="CR121"),
)
_OTHERWISE = _Advice("", "this is not YAML", "check indentation, colons, brackets and quotes just before this place")
_BIG_ESCAPE = re.compile(r"\\U[0-9a-fA-F]{8}")


def syntax_problem(error: Exception, text: str, lines: Lines) -> Problem:
    """Return the parser's `error` as a problem at the place where a person would look."""
    complaint = f"{getattr(error, 'context', None) or ''} {getattr(error, 'problem', None) or ''}"
    advice = next((advice for advice in _ADVICE if advice.sign in complaint), _OTHERWISE)
    if isinstance(error, (ValueError, OverflowError)):
        advice = _Advice(
            "", "there is no character with this number", "characters end at \\U0010FFFF; write the character itself"
        )
    place = _place(error, advice, text, lines)
    hint = advice.hint
    if advice.code == "CR110" and "```" in text[: text.find("\n", 0) + 1]:
        hint = "remove the ``` lines around the YAML"
    return Problem(code=advice.code, message=advice.message, place=place, hint=hint)


def _place(error: Exception, advice: _Advice, text: str, lines: Lines) -> Place:
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if advice.opening:
        mark = getattr(error, "context_mark", None) or mark
    if mark is not None:
        start = min(mark.index, len(text))
        return lines.place(start, _end_of_word(text, start) if "line" in advice.message else start + 1)
    found = _BIG_ESCAPE.search(text)
    return lines.place(found.start(), found.end()) if found else Place(file=lines.file)


def _end_of_word(text: str, start: int) -> int:
    end = re.compile(r"\S*").match(text, start)
    return end.end() if end else start + 1
