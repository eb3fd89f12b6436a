"""Nothing that is shown can steer a terminal or hide what it is, and nothing that is read can break the reader."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, render
from cosmos_recipes.diagnostics.secrets import secrets_in
from cosmos_recipes.diagnostics.terminal import ERASE, Control, Guarded
from cosmos_recipes.diagnostics.words import on_page, shown, visible
from cosmos_recipes.recipe.located import MOST_NODES, parse_located
from tests.safety.attacks import TOKENS

_ODD = "\x00\x07\x08\r\x1b\x7f\x85\x9b\xad\u061c\u180e\u200b\u200d\u200e\u2028\u202e\u2060\u2066\u2069\ud800\ufeff\ufffe\U000e0041"
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from(_ODD)))
"""Any text, with many of the characters that steer or hide."""
SNIPPETS = ("a: ", "- ", "? ", ": ", "{", "}", "[", "]", "&a ", "*a", "!!python/name:os.system ", "!t ", "<<: ", "|\n ", ">-\n ", '"', "'", "\\x", "\\U0011ffff", "#", "%YAML 1.1\n", "---\n", "...\n", "\n", "  ", "\t", ",", "1e999", "0x", ".inf", "~", "${a}", "\ufeff", "\r", "\0")  # fmt: skip
YAMLS = st.lists(st.one_of(st.sampled_from(SNIPPETS), st.text(max_size=6)), max_size=60).map("".join)
"""Texts that look enough like YAML to reach every corner of a parser."""


def hidden_in(text: str) -> list[str]:
    """Return the characters of a text that are controls, marks without a width or halves of others, but for lines and tabs."""
    return [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@settings(deadline=None)
@given(TEXTS)
def test_no_line_holds_what_does_not_show(text: str) -> None:
    assert not hidden_in(visible(text))
    assert "\n" not in visible(text)


@settings(deadline=None)
@given(TEXTS)
def test_no_text_of_lines_holds_what_does_not_show(text: str) -> None:
    found = shown(text).replace("\r\n", "\n")
    assert not hidden_in(found)
    assert shown(shown(text)) == shown(text)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co"))))
def test_what_shows_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text


@settings(deadline=None)
@given(TEXTS)
def test_no_stream_lets_it_through(text: str) -> None:
    below = io.BytesIO()
    stream = Guarded(below, encoding="utf-8", errors="backslashreplace", newline="")
    assert stream.write(text) == len(text)
    stream.flush()
    assert not hidden_in(below.getvalue().decode().replace("\r\n", "\n"))


def test_a_stream_lets_the_program_s_own_controls_through() -> None:
    below = io.BytesIO()
    stream = Guarded(below, encoding="ascii", errors="backslashreplace")
    for text in (ERASE, "loss 0.5 \x1b[2J", Control("\x1b[1m"), "é"):
        stream.write(text)
    stream.flush()
    assert below.getvalue() == b"\r\x1b[2Kloss 0.5 \\x1b[2J\x1b[1m\\xe9"


@settings(deadline=None)
@given(TEXTS)
def test_no_page_holds_it_or_takes_it_for_markup(text: str) -> None:
    page = Environment(autoescape=True, finalize=on_page).from_string("<p>{{ text }}</p>").render(text=text)
    assert not hidden_in(page.replace("\r\n", "\n"))
    assert page.count("<") == page.count(">") == 2


@settings(deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(["text", "github", "sarif", "json"]))
def test_no_problem_shows_it_in_any_form(message: str, file: str, form: str) -> None:
    problem = Problem(code="CR100", message=message, place=Place(file=file), expected=message, found=file, hint=message)
    assert not hidden_in(render([problem], form))


@settings(max_examples=400, deadline=None)
@given(st.one_of(YAMLS, TEXTS))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is read is plain, small and without what does not show; whatever is not is told in words that can be shown."""
    tree, told = read(text)
    assert not hidden_in(told)
    for node in nodes_of(tree):
        assert type(node) in (dict, list, str, int, float, bool, type(None))
        assert not isinstance(node, str) or not set(hidden_in(node)) - set("\u200c\u200d\r")


def read(text: str) -> tuple[object, str]:
    """Return the tree of a text and no words, or no tree and why it is refused."""
    try:
        return parse_located(text, file="attack.yaml").tree, ""
    except RecipeError as error:
        return None, render(error.problems)


def nodes_of(tree: object) -> list[object]:
    """Return everything in a tree, keys included."""
    waiting, found = [tree], list[object]()
    while waiting:
        node = waiting.pop()
        found.append(node)
        assert len(found) <= 2 * MOST_NODES
        if isinstance(node, dict):
            waiting += [*node, *node.values()]
        elif isinstance(node, list):
            waiting += node
    return found


@pytest.mark.parametrize("token", TOKENS)
@settings(deadline=None)
@given(before=st.text("ab :\"'\n"), after=st.text("\n \"'"))
def test_a_secret_is_refused_wherever_it_stands_and_not_repeated(token: str, before: str, after: str) -> None:
    # What is joined to it by letters would be another word.
    text = f"a: b\n# {before}{after} {token}{after}\n"
    with pytest.raises(RecipeError) as raised:
        parse_located(text, file="attack.yaml")
    assert {problem.code for problem in raised.value.problems} == {"CR127"}
    assert not re.search(
        re.escape(token[:12]), render(raised.value.problems, "json").replace("https://", "")
    ) or token.startswith("-----")


@pytest.mark.parametrize(
    "text",
    [
        "hf_short",
        "AKIA",
        "sk-learn",
        "task-conditioned-world-model-of-a-robot",
        "risk-aware-planning-with-a-world-model",
        "https://example.com/a@b",
        "runs/factory/base-1a2b3c4d",
        "0" * 64,
    ],
)
def test_plain_words_are_no_secrets(text: str) -> None:
    assert not list(secrets_in(text))
