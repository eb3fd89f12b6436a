"""What a person and a machine read of a check."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from good import Data

from cosmos_recipes.data.checks import CheckReport
from cosmos_recipes.data.checks.render import render_report
from cosmos_recipes.data.recording import Media
from tests.stored_texts import assert_stored

TEXTS = Path(__file__).with_name("texts")


@pytest.fixture(scope="module")
def bad(good: Callable[[str], Data]) -> CheckReport:
    """Report on recordings of which each is wrong in its own way, and many in one."""
    data = good("actions")
    missing = {"video": Media(path=Path("gone/<b>|episode 2.mp4"))}
    data = data.with_one(2, views=missing).with_one(1, values={"action": np.zeros((25, 3))})
    shifted = [
        replace(r, values={**r.values, "caption": r.name} if n > 2 else r.values) for n, r in enumerate(data.recordings)
    ]
    report = data.with_all(shifted).check()
    return replace(report, seconds={"all": 1.0, "rules": 0.1})


def shown(text: str, good: Callable[[str], Data]) -> str:
    """Return a text without the folder that the data is in."""
    return text.replace(str(good("actions").recordings[0].media.path.parents[1]), "DATA")


@pytest.mark.parametrize(("form", "suffix"), [("text", "txt"), ("markdown", "md")])
def test_what_a_person_reads(bad: CheckReport, good: Callable[[str], Data], form: str, suffix: str) -> None:
    assert_stored(TEXTS / f"bad.{suffix}", shown(render_report(bad, "text" if form == "text" else "markdown"), good))


def test_a_good_data_set_is_said_to_be_good(good: Callable[[str], Data]) -> None:
    text = render_report(good("captions").check(), "text")
    assert text.endswith("rules looked at every recording.\n") and "Nothing is wrong" in text


def test_json_has_every_rule_and_no_more_than_five_examples(bad: CheckReport) -> None:
    data = json.loads(render_report(bad, "json"))
    assert set(data) == {
        *("dataset", "schema", "clip", "decode", "errors", "warnings", "funnel", "rows", "decoded_frames", "rules"),
        "seconds",
    }
    assert data["funnel"][0] == {"stage": "found", "recordings": 10, "clips": None}
    assert data["funnel"][-1] == {"stage": "kept", "recordings": 9, "clips": 9}
    rules = {rule["rule"]: rule for rule in data["rules"]}
    named = rules["texts that are names"]
    assert (named["code"], named["count"], len(named["examples"])) == ("CR540", 7, 5)
    assert rules["jumps of cameras"]["count"] == 0


def test_html_is_one_file_that_loads_nothing_and_runs_nothing(bad: CheckReport) -> None:
    page = render_report(bad, "html")
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Reader().feed(page)
    assert not {"script", "link", "img", "iframe", "b"} & {tag for tag, _ in tags}
    assert not any(name in ("src", "href") for _, own in tags for name in own)
    assert "&lt;b&gt;|episode 2.mp4" in page and "CR543" in page


@pytest.mark.parametrize("seen", ["none", "sample"])
def test_without_decoding_no_picture_is_looked_at(good: Callable[[str], Data], seen: str) -> None:
    data = good("captions")
    report = data.check("none" if seen == "none" else "sample")
    looked = {rule.looks_at for rule in report.rules}
    assert ("media" in looked, report.decoded_frames > 0) == ((True, True) if seen == "sample" else (False, False))


def test_what_a_data_set_may_drop_is_a_warning(good: Callable[[str], Data]) -> None:
    data = good("captions").with_one(0, views={"video": Media(path=Path("gone.mp4"))})
    assert data.check().fails(["error"])
    dropping = data.declared(on_missing="drop").check()
    assert not dropping.fails(["error"]) and dropping.fails(["warning"])
