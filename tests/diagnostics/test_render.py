"""One problem, four forms: a person, a script, GitHub and a SARIF viewer all find the same place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cosmos_recipes.diagnostics import Place, Problem, render, visible

FILE = "recipe.yaml"


def problem(line: int = 1, column: int = 8, length: int = 3, file: str = FILE, message: str = "unknown key") -> Problem:
    place = Place(file=file, line=line, column=column, length=length)
    return Problem(
        code="CR130", message=message, place=place, expected="a, b", found="100%\n", hint="did you mean `a`?"
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE).write_text("first: one\nsecond: {deep: two}\n", encoding="utf-8")
    return tmp_path


def caret_columns(text: str) -> tuple[str, str]:
    """Return the excerpt's line and caret line, without their margins."""
    lines = text.splitlines()
    return lines[1][8:], lines[2][8:]


def test_the_caret_stands_under_the_whole_value() -> None:
    line, caret = caret_columns(render([problem()]))
    assert line[caret.index("^") : caret.rindex("^") + 1] == "one"


@pytest.mark.parametrize(
    ("before", "columns"),
    [("預: ", 4), ("a\u0301: ", 3), ("\u200b: ", 8), ("\t: ", 4)],
    ids=["wide", "mark", "hidden", "tab"],
)
def test_the_caret_stands_right_after_characters_of_any_width(before: str, columns: int, folder: Path) -> None:
    (folder / FILE).write_text(f"{before}value\n", encoding="utf-8")
    _, caret = caret_columns(render([problem(column=len(before) + 1, length=5)]))
    assert caret == " " * columns + "^^^^^"


def test_a_long_line_is_cut_around_the_caret(folder: Path) -> None:
    (folder / FILE).write_text("x" * 5000 + "VALUE" + "y" * 5000, encoding="utf-8")
    line, caret = caret_columns(render([problem(column=5001, length=5)]))
    assert len(line) <= 106
    assert line.startswith("...")
    assert line.endswith("...")
    assert line[caret.index("^") : caret.rindex("^") + 1] == "VALUE"


def test_a_place_without_a_column_shows_the_line_alone() -> None:
    shown = problem(column=0)
    assert render([shown]).splitlines()[:2] == ["recipe.yaml:1: CR130 unknown key", "    1 | first: one"]
    assert "^" not in render([shown])
    assert render([shown], "github").startswith("::error file=recipe.yaml,line=1,title=")
    [result] = json.loads(render([shown], "sarif"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


@pytest.mark.parametrize(
    "place", [problem(line=99), problem(file="gone.yaml"), problem(file="bad\0name"), problem(column=999)]
)
def test_a_place_that_cannot_be_shown_is_still_named(place: Problem) -> None:
    assert place.place is not None
    assert f":{place.place.line}:{place.place.column}: CR130 unknown key" in render([place])


def test_problems_beyond_the_limit_are_counted_by_code() -> None:
    text = render([problem()] * 23, limit=20)
    assert text.count("CR130 unknown key") == 20
    assert "... and 3 more: CR130 (3)" in text
    assert "23 problems" in text


def test_no_text_of_a_problem_can_steer_the_terminal() -> None:
    evil = "\x1b[2J\u202e\x07"
    shown = Problem(code="CR130", message=evil, place=Place(file=evil, line=1), expected=evil, found=evil, hint=evil)
    for form in ("text", "github"):
        assert render([shown], form).replace("\n", "").isprintable()


def test_colour_is_off_unless_asked_for() -> None:
    assert "\033" not in render([problem()])
    assert "\033[31mCR130\033[0m" in render([problem()], colour=True)


def test_visible_leaves_ordinary_text_alone() -> None:
    assert visible("Prädiktion 預測 ok") == "Prädiktion 預測 ok"


def test_json_holds_everything_and_is_not_cut() -> None:
    [first, *_] = data = json.loads(render([problem()] * 30, "json"))
    assert len(data) == 30
    assert first == {
        "code": "CR130",
        "title": "unknown key",
        "message": "unknown key",
        "expected": "a, b",
        "found": "100%\n",
        "hint": "did you mean `a`?",
        "place": {"file": FILE, "line": 1, "column": 8, "length": 3},
    }


def test_github_gets_one_escaped_line_per_problem() -> None:
    [line] = render([problem(file="a,b:c.yaml", message="50% of\nall")], "github").splitlines()
    assert line.startswith(
        "::error file=a%2Cb%3Ac.yaml,line=1,col=8,endColumn=11,title=CR130 unknown key::50%25 of\\nall%0A"
    )
    assert "%0Afound: 100%25\\n" in line


def test_github_is_told_of_arguments_without_a_file() -> None:
    shown = Problem(code="CR132", message="wrong", place=Place(file="--set a=b"))
    assert render([shown], "github") == "::error title=CR132 wrong type::--set a=b: wrong"


def test_github_counts_what_is_not_shown() -> None:
    lines = render([problem()] * 25, "github").splitlines()
    assert len(lines) == 21
    assert lines[-1] == "::notice::... and 5 more: CR130 (5)"


def test_sarif_names_rules_and_places() -> None:
    shown = [problem(), Problem(code="CR104", message="binary", place=Place(file="my file.bin")), problem(line=2)]
    log = json.loads(render([*shown, Problem(code="CR143", message="none", place=Place(file="--profile x"))], "sarif"))
    [run] = log["runs"]
    assert (log["version"], run["columnKind"]) == ("2.1.0", "unicodeCodePoints")
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["CR104", "CR130", "CR143"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error"
        assert result["message"]["text"]
    first, binary, _, argument = (result["locations"][0] for result in run["results"])
    assert first["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 8, "endColumn": 11}
    assert binary == {"physicalLocation": {"artifactLocation": {"uri": "my%20file.bin"}}}
    assert argument == {"logicalLocations": [{"name": "--profile x"}]}


def test_nothing_wrong_is_said_so() -> None:
    assert render([]) == "No problems."
