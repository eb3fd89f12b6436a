"""YAML 1.2 by the book, every key and value with its place, and nothing but a located problem for any other text."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, render
from cosmos_recipes.recipe.located import MOST_NODES, parse_located, parse_value
from cosmos_recipes.recipe.scalars import resolve_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("Yes", "Yes"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("1e", "1e"),
        ("e3", "e3"),
        (".", "."),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    resolved = resolve_scalar(text)
    assert (resolved, type(resolved)) == (value, type(value))


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e999", "9223372036854775808", "9" * 5000, "0x" + "f" * 40])
def test_numbers_that_cannot_be_held_are_refused(text: str) -> None:
    with pytest.raises(OverflowError):
        resolve_scalar(text)


def test_quotes_make_a_text_of_anything() -> None:
    assert parse_located("a: '1'\nb: \"true\"\nc: |\n  1e-3\n", file="x").tree == {"a": "1", "b": "true", "c": "1e-3\n"}


def test_every_key_and_value_has_a_place() -> None:
    text = "one: 1\ntwo:\n  deep: [x, 'y z']\n  more: {k: v}\nlist:\n  - a\n  - b: 2\nempty:\n"
    located = parse_located(text, file="x.yaml")
    lines = text.splitlines()

    def shown(places: Mapping[tuple[str, ...], Place], *path: str) -> str:
        place = places[path]
        return lines[place.line - 1][place.column - 1 :][: place.length]

    assert shown(located.keys, "two", "deep") == "deep"
    assert shown(located.values, "two", "deep") == "[x, 'y z']"
    assert shown(located.values, "two", "deep", "1") == "'y z'"
    assert shown(located.values, "two", "more") == "{k: v}"
    assert shown(located.values, "two", "more", "k") == "v"
    assert shown(located.values, "two") == "two"
    assert shown(located.values, "list", "1", "b") == "2"
    assert shown(located.values, "empty") == "empty"
    assert {place.file for place in located.values.values()} == {"x.yaml"}


def test_all_that_is_wrong_is_told_before_the_syntax_stops_the_reader() -> None:
    with pytest.raises(RecipeError) as raised:
        parse_located("a: 1\na: 2\nb: !x 1\nc: &d 3\ne: .inf\nf: [\n", file="x")
    assert [problem.code for problem in raised.value.problems] == ["CR112", "CR114", "CR113", "CR118", "CR110"]


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000, "{a: " * 100_000, "? " * 100_000])
def test_no_file_of_the_allowed_size_can_exhaust_the_reader(text: str) -> None:
    before = time.process_time()
    with pytest.raises(RecipeError):
        parse_located(text, file="x")
    assert time.process_time() - before < 30


def test_a_bomb_of_aliases_is_never_expanded() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 1000))]
    with pytest.raises(RecipeError) as raised:
        parse_located("\n".join(lines), file="x")
    assert [problem.code for problem in raised.value.problems] == ["CR113"]


def test_too_many_values_are_refused() -> None:
    with pytest.raises(RecipeError) as raised:
        parse_located("a: [" + "1, " * MOST_NODES + "]", file="x")
    assert raised.value.problems[-1].code == "CR117"


def test_a_value_of_the_command_line_is_read_as_in_a_file() -> None:
    assert parse_value("1e-4", argument="--set a=1e-4").tree == 1e-4
    assert parse_value("{lora: {rank: 4}}", argument="x").tree == {"lora": {"rank": 4}}
    assert parse_value("a#b", argument="x").tree == "a#b"
    assert parse_value("'a #b'", argument="x").tree == "a #b"
    assert parse_value("/data/my videos", argument="x").tree == "/data/my videos"


_PIECES = st.sampled_from(
    [
        *"{}[],|>%#~@`\t \\\r\u2028\x85\ufeff\n\"'",
        "a",
        "b: ",
        ": ",
        "- ",
        "\n  ",
        "&a ",
        "*a",
        "!t ",
        "---\n",
        "...\n",
        "\\x",
        "\\U00110000",
        "\\ud800",
        "? ",
        "<<: ",
        "1e999",
    ]
)


def problems_of(read: Callable[[], object]) -> tuple[Problem, ...]:
    """Return what is said of a text; nothing if it could be read."""
    try:
        read()
    except RecipeError as error:
        return error.problems
    return ()


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(_PIECES, max_size=30).map("".join)))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    for read in (lambda: parse_located(text, file="x"), lambda: parse_value(text, argument="--set x")):
        problems = problems_of(read)
        assert render(problems).replace("\n", "").isprintable()
        assert all(problem.place is not None for problem in problems)


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=20),
)
_KEYS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
_TREES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8
)


@settings(deadline=None)
@given(st.dictionaries(_KEYS, _TREES, min_size=1, max_size=4))
def test_what_a_writer_of_yaml_writes_is_read_back(tree: dict[str, object]) -> None:
    """Texts with ?, or that begin with a colon, are refused unless quoted: the parser takes them for keys."""
    from io import StringIO

    stream = StringIO()
    YAML(typ="safe", pure=True).dump(tree, stream)
    looks_like_a_key = "?" in str(tree) or any(f"{quote}:" in str(tree) for quote in ("['", '["', ": '", ': "', ", '"))
    read = problems_of(lambda: parse_located(stream.getvalue(), file="x"))
    assert not read or looks_like_a_key
    assert read or parse_located(stream.getvalue(), file="x").tree == tree
