"""The one renderer of problems: text for people, JSON, GitHub annotations, SARIF 2.1.0."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from cosmos_recipes.diagnostics.problem import Place, Problem

Format = Literal["text", "json", "github", "sarif"]


def render(problems: Sequence[Problem], format: Format = "text", *, limit: int = 20, colour: bool = False) -> str:
    """Return the problems as one text; beyond `limit` they are counted, not shown (JSON and SARIF show all)."""
    if format == "json":
        return json.dumps([_as_data(problem) for problem in problems], indent=2)
    if format == "sarif":
        return json.dumps(_sarif(problems), indent=2)
    one = _github if format == "github" else (lambda problem: _text(problem, colour))
    shown = [one(problem) for problem in problems[:limit]]
    if format == "text":
        more = f", {len(problems) - limit} of them not shown" if len(problems) > limit else ""
        shown.append(f"{len(problems)} problem{'s' * (len(problems) != 1)}{more}; `cosmos-recipe explain {problems[0].code}` says more." if problems else "No problems.")
    return "\n".join(shown)


def visible(text: str) -> str:
    """Return the text with control characters made visible, so that no file can steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def _where(place: Place) -> str:
    return f"{place.file}:{place.line}:{place.column}" if place.line else place.file


def _text(problem: Problem, colour: bool) -> str:
    place = problem.place
    bold, red, plain = ("\033[1m", "\033[31m", "\033[0m") if colour else ("", "", "")
    head = f"{bold}{visible(_where(place))}: {plain}" if place else ""
    lines = [f"{head}{red}{problem.code}{plain} {visible(problem.message)}", *(_excerpt(place) if place else [])]
    lines += [f"    {name + ':':<10}{visible(text)}" for name, text in _details(problem)]
    return "\n".join(lines) + "\n"


def _details(problem: Problem) -> list[tuple[str, str]]:
    named = (("expected", problem.expected), ("found", problem.found), ("hint", problem.hint))
    return [(name, text) for name, text in named if text]


_WIDEST_EXCERPT = 100


def _excerpt(place: Place) -> list[str]:
    """Return the line and a caret under the place, or nothing if the file cannot be shown."""
    if not place.line:
        return []
    try:
        with Path(place.file).open(encoding="utf-8-sig", errors="replace") as file:
            line = next(text for number, text in enumerate(file, 1) if number == place.line).rstrip("\n")
    except (OSError, StopIteration):
        return []
    start = max(0, place.column - 1 - _WIDEST_EXCERPT // 2) if len(line) > _WIDEST_EXCERPT else 0
    shown = "".join(c if c.isprintable() else " " for c in line[start : start + _WIDEST_EXCERPT])
    caret = place.column - 1 - start
    length = max(1, min(place.length, len(shown) - caret))
    margin = f"{place.line:>5} | "
    return [f"{margin}{shown}", " " * (len(margin) - 2) + "| " + " " * caret + "^" * length]


def _as_data(problem: Problem) -> dict[str, Any]:
    place = problem.place
    where = {"file": place.file, "line": place.line, "column": place.column, "length": place.length} if place else None
    named = ("code", "message", "expected", "found", "hint")
    return {**{name: getattr(problem, name) for name in named}, "place": where}


def _sentence(problem: Problem) -> str:
    return ". ".join([problem.message, *(f"{name}: {text}" for name, text in _details(problem))])


def _github(problem: Problem) -> str:
    place = problem.place
    properties = {"title": problem.code}
    if place:
        properties = {"file": place.file, "line": str(place.line or 1), "col": str(place.column or 1), **properties}
    joined = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::error {joined}::{_escaped(visible(_sentence(problem)), '')}"


def _escaped(text: str, also: str) -> str:
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + also else c for c in text)


def _sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    from cosmos_recipes.diagnostics.codes import title

    rules = [{"id": code, "shortDescription": {"text": title(code)}} for code in sorted({p.code for p in problems})]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "cosmos-recipe", "rules": rules}}, "results": [_result(p) for p in problems]}],
    }


def _result(problem: Problem) -> dict[str, Any]:
    result: dict[str, Any] = {"ruleId": problem.code, "level": "error", "message": {"text": _sentence(problem)}}
    place = problem.place
    if place:
        region = {"startLine": place.line or 1, "startColumn": place.column or 1, "endColumn": (place.column or 1) + place.length}
        result["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": place.file}, "region": region}}]
    return result
