"""What the page about data says is so: its tables are fresh, and every file on it is one that is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.dataset import load_dataset, load_mixture
from tests.docs.scripts import ROOT, script

PAGES = ("docs/data.md", "README.md", "CONTRIBUTING.md")
BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
]


def blocks(key: str) -> dict[str, str]:
    """Return the blocks that begin with a key, by what it says."""
    named = {block: re.search(rf"\A(?:#.*\n)*{key}: (\S+)\n", block) for block in BLOCKS}
    return {found[1]: block for block, found in named.items() if found}


def test_its_tables_are_fresh() -> None:
    fields = script("fields")
    texts = [page.read_text(encoding="utf-8") for page in fields.PAGES]
    assert [fields.written(text) for text in texts] == texts, "run `python docs/fields.py` and commit the pages"
    assert sum(text.count("| key |") for text in texts) == len(fields.MODELS)


@pytest.mark.parametrize("name", blocks("dataset"))
def test_every_data_set_on_it_is_bound_without_a_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / "it.yaml").write_text(blocks("dataset")[name])
    if "\nmix:" in blocks("dataset")[name]:
        assert len(load_mixture("it.yaml", relative_to=tmp_path).sets) == 2
        return
    bound = load_dataset("it.yaml", relative_to=tmp_path)
    needed = {key for key, column in bound.schema.columns.items() if column.required and column.kind != "video"}
    assert needed <= bound.declaration.columns.keys()


def test_the_well_known_sources_are_there() -> None:
    assert {"my-arm", "scenes", "real-estate", "bridge", "nuscenes", "waymo", "comma2k19"} <= blocks("dataset").keys()


@pytest.mark.parametrize("name", blocks("schema"))
def test_every_contract_on_it_is_one(tmp_path: Path, name: str) -> None:
    (tmp_path / "it.yaml").write_text(blocks("schema")[name])
    assert load_schema(str(tmp_path / "it.yaml")).name == name
