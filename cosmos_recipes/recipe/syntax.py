"""What a YAML parser complains about, in words that say what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.diagnostics import Problem
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
    _Advice("mapping keys are not allowed", "text cannot begin with ?", "put the whole text in quotes"),
    _Advice("duplicate tag handle", "directives are not part of the language", "remove the %TAG lines", code="CR121"),
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
        "but found '<stream end>'",
        "the text ends where a value is expected",
        "add the value, and the closing `}` or `]`",
    ),
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
        "scanning an tag",
        "text cannot begin with !",
        "put the whole text in quotes; tags are not part of the language",
        code="CR114",
    ),
    _Advice(
        "parsing an tag",
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


_WORD = re.compile(r"\S*")
_LINE_START = re.compile(r"^( *)([\w.-]+)$")
_NO_BREAK_SPACE = "\u00a0"


def syntax_problem(error: Exception, text: str, lines: Lines) -> Problem:
    """Return the parser's `error` as a problem at the place where a person would look."""
    complaint = f"{getattr(error, 'context', None) or ''} {getattr(error, 'problem', None) or ''}"
    advice = next((advice for advice in _ADVICE if advice.sign in complaint), _OTHERWISE)
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return _big_escape(text, lines) or Problem(
            code="CR110", message=advice.message, place=lines.place(0, 1), hint=advice.hint
        )
    if advice.opening:
        mark = getattr(error, "context_mark", None) or mark
    start = min(mark.index, max(0, len(text.rstrip()) - 1))
    if "mapping values" in advice.sign and (better := _before_colon(text, start, lines)):
        return better
    is_line = advice.message.startswith("this line")
    place = lines.place(start, _end_of_word(text, start) if is_line else start + 1)
    hint = "remove the ``` lines around the YAML" if text.startswith("```") else advice.hint
    return Problem(code=advice.code, message=advice.message, place=place, hint=hint)


def _before_colon(text: str, colon: int, lines: Lines) -> Problem | None:
    """Explain a colon that is refused because of the line above: it has none, or is indented less.

    `steps 800` over `global_batch: 16` is one text on two lines to YAML, so the parser stops at the second line.
    """
    start = text.rfind("\n", 0, colon) + 1
    key = _LINE_START.match(text[start:colon])
    above = _line_above(text, start)
    if key is None or above is None:
        return None
    begin, line = above
    first = begin + len(line) - len(line.lstrip(" "))
    if _NO_BREAK_SPACE in line:
        at = begin + line.index(_NO_BREAK_SPACE)
        message, hint = "a no-break space stands where YAML takes a space", "type the space again"
        return Problem(code="CR110", message=message, place=lines.place(at, at + 1), hint=hint)
    if not re.search(r":(\s|$)", line):
        hint = "write `key: value`; a longer text is indented under its key"
        return Problem(
            code="CR110", message="this line has no colon", place=lines.place(first, begin + len(line)), hint=hint
        )
    if len(key[1]) <= first - begin:
        return None
    hint = "give it as many spaces as the keys above it"
    place = lines.place(start + len(key[1]), colon)
    return Problem(code="CR110", message="this line is indented too far", place=place, hint=hint)


def _line_above(text: str, start: int) -> tuple[int, str] | None:
    """Return where the line above begins, and the line; blank lines and comments do not count."""
    while start > 0:
        begin = text.rfind("\n", 0, start - 1) + 1
        line = text[begin:start].rstrip()
        if line and not line.lstrip().startswith("#"):
            return begin, line
        start = begin
    return None


def _big_escape(text: str, lines: Lines) -> Problem | None:
    """Explain what the parser fails at without saying where: an escape beyond the last character of Unicode."""
    found = next((found for found in _BIG_ESCAPE.finditer(text) if int(found[0][2:], 16) > 0x10FFFF), None)
    if found is None:
        return None
    message, hint = (
        "there is no character with this number",
        "characters end at \\U0010FFFF; write the character itself",
    )
    return Problem(code="CR110", message=message, place=lines.place(found.start(), found.end()), hint=hint)


def _end_of_word(text: str, start: int) -> int:
    word = _WORD.match(text, start)
    return word.end() if word else start + 1
