"""If these break, README says that something works, or how well, and that is no longer so."""

from __future__ import annotations

import re

from tests.docs.scripts import ROOT, script

tasks = script("tasks")


def test_the_table_of_the_readme_is_fresh() -> None:
    text = tasks.README.read_text(encoding="utf-8")
    assert tasks.written(text) == text, "run `make schemas` and commit README.md"
    assert tasks.written(text.replace("dB where things move", "dB")) == text, "it is between the two comments"


def test_the_list_of_recipes_is_fresh_and_its_links_lead_somewhere() -> None:
    text = tasks.LIST.read_text(encoding="utf-8")
    assert tasks.listed() == text, "run `make schemas` and commit recipes/README.md"
    links = re.findall(r"\]\(([^)]+)\)", text)
    folder = ROOT / "recipes"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")} <= set(links)
    assert all((tasks.LIST.parent / link).is_file() for link in links)
