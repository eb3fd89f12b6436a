"""The one renderer of problems: text for people, JSON, GitHub annotations, SARIF 2.1.0."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

from cosmos_recipes.diagnostics.codes import title
from cosmos_recipes.diagnostics.excerpt import excerpt
from cosmos_recipes.diagnostics.problem import Place, Problem
from cosmos_recipes.diagnostics.words import visible

Format = Literal["text", "json", "github", "sarif"]
MOST_OF_A_KIND = 5


def render(problems: Sequence[Problem], form: Format = "text", *, limit: int = 20, colour: bool = False) -> str:
    """Return the problems as one text.

    Text and GitHub show the first `limit`, of data the first five of a kind, and count the others; JSON and SARIF, which
    machines read, hold all.
    """
    shown = _shown(problems, limit)
    match form:
        case "json":
            return json.dumps([_as_data(problem) for problem in problems], indent=2)
        case "sarif":
            return json.dumps(_sarif(problems), indent=2)
        case "github":
            more = [f"::notice::{_unshown(problems, shown)}"] if len(problems) > len(shown) else []
            return "\n".join([*map(_github, shown), *more])
        case "text":
            return "\n".join([*(text_of(problem, colour) for problem in shown), _summary(problems, shown)])


def _shown(problems: Sequence[Problem], limit: int) -> list[Problem]:
    """Return the first few: hundreds of recordings can be wrong in the same way, and one line would be lost among them."""
    seen: Counter[str] = Counter()
    shown: list[Problem] = []
    for problem in problems:
        seen[problem.code] += 1
        if len(shown) < limit and not (problem.code.startswith("CR5") and seen[problem.code] > MOST_OF_A_KIND):
            shown.append(problem)
    return shown


def noted(problems: Sequence[Problem], *, limit: int = 5) -> list[str]:
    """Return problems that stop nothing, each in a line; of more than `limit` the others are counted."""
    lines = [_line(problem) for problem in problems[:limit]]
    return [*lines, _unshown(problems, problems[:limit])] if len(problems) > limit else lines


def _line(problem: Problem) -> str:
    told = [problem.message, *(f"{name} {text}" for name, text in _details(problem) if name != "hint")]
    where = f"{_where(problem.place)}: " if problem.place else ""
    return visible(f"{where}{problem.code} {'; '.join(told)}")


def _where(place: Place) -> str:
    return ":".join([place.file, *(str(number) for number in (place.line, place.column) if number)])


def text_of(problem: Problem, colour: bool = False) -> str:
    """Return one problem as text: where and what, the line it is on, what was expected and found, and how to mend it."""
    place = problem.place
    bold, red, plain = ("\033[1m", "\033[31m", "\033[0m") if colour else ("", "", "")
    head = f"{bold}{visible(_where(place))}:{plain} " if place else ""
    lines = [f"{head}{red}{problem.code}{plain} {visible(problem.message)}", *(excerpt(place) if place else [])]
    lines += [f"    {name + ':':<9} {visible(text)}" for name, text in _details(problem)]
    return "\n".join(lines) + "\n"


def _details(problem: Problem) -> list[tuple[str, str]]:
    named = (("expected", problem.expected), ("found", problem.found), ("hint", problem.hint))
    return [(name, text) for name, text in named if text]


def _summary(problems: Sequence[Problem], shown: Sequence[Problem]) -> str:
    if not problems:
        return "No problems."
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    more = f"{_unshown(problems, shown)}\n" if len(problems) > len(shown) else ""
    codes = list(dict.fromkeys(problem.code for problem in shown))
    return f"{more}{count}. `cosmos-recipe explain {codes[0]}` says more" + (
        " about the first." if len(codes) > 1 else "."
    )


def _unshown(problems: Sequence[Problem], shown: Sequence[Problem]) -> str:
    counts = Counter(problem.code for problem in problems) - Counter(problem.code for problem in shown)
    return f"... and {counts.total()} more: " + ", ".join(f"{code} ({n})" for code, n in sorted(counts.items()))


def _as_data(problem: Problem) -> dict[str, Any]:
    place = problem.place
    where = {"file": place.file, "line": place.line, "column": place.column, "length": place.length} if place else None
    named = ("message", "expected", "found", "hint")
    texts = {name: getattr(problem, name) for name in named}
    return {"code": problem.code, "title": title(problem.code), **texts, "place": where}


def _is_argument(place: Place) -> bool:
    return place.file.startswith("-")


def _github(problem: Problem) -> str:
    place = problem.place
    properties = {"title": f"{problem.code} {title(problem.code)}"}
    if place and not _is_argument(place):
        start = {"line": place.line} if place.line else {}
        start |= {"col": place.column, "endColumn": place.column + place.length} if place.column else {}
        properties = {"file": visible(place.file), **{key: str(number) for key, number in start.items()}, **properties}
    joined = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    lead = f"{place.file}: " if place and _is_argument(place) else ""
    lines = [f"{lead}{problem.message}", *(f"{name}: {text}" for name, text in _details(problem))]
    return f"::error {joined}::{_escaped(chr(10).join(map(visible, lines)))}"


def _escaped(text: str, also: str = "") -> str:
    """Return the text as a workflow command of GitHub takes it: percent-encoded where it would end a part."""
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + also else c for c in text)


def _sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    codes = sorted({problem.code for problem in problems})
    driver = {"name": "cosmos-recipe", "rules": [{"id": c, "shortDescription": {"text": title(c)}} for c in codes]}
    results = [_result(problem, codes.index(problem.code)) for problem in problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    sentences = [problem.message, *(f"{name}: {text}" for name, text in _details(problem))]
    text = visible(". ".join(sentences))
    result: dict[str, Any] = {"ruleId": problem.code, "ruleIndex": rule, "level": "error", "message": {"text": text}}
    if problem.place:
        result["locations"] = [_location(problem.place)]
    return result


def _location(place: Place) -> dict[str, Any]:
    if _is_argument(place):
        return {"logicalLocations": [{"name": visible(place.file)}]}
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(place.file)}}
    if place.line:
        columns = {"startColumn": place.column, "endColumn": place.column + place.length} if place.column else {}
        physical["region"] = {"startLine": place.line, **columns}
    return {"physicalLocation": physical}
