"""If these fail, `new dataset` writes a file that reads other data than what lies there, or leaves a guess unsaid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import LAYOUTS, world
from ruamel.yaml import YAML
from videos import write_video

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.contract import Schema
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.dataset_text import flow
from cosmos_recipes.data.draft import Draft, draft
from cosmos_recipes.data.draft.choice import contracts
from cosmos_recipes.data.draft.licence import licence_of
from cosmos_recipes.data.geometry import INTRINSICS_PRESETS, POSE_PRESETS, IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.sources import source_class, source_names
from cosmos_recipes.data.sources.recognise import recognise
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.located import read_located
from tests.stored_texts import assert_stored

HERE = Path(__file__).parent
BEST = {
    "cosmos": "pose",
    "folder": "multi-view",
    "hub": "action-frame",
    "lerobot": "action-frame",
    "nerfstudio": "pose",
    "parquet": "action-frame",
    "realestate10k": "pose",
    "webdataset": "trajectory",
    "world": "trajectory",
}


@pytest.fixture(scope="module")
def known() -> list[Schema]:
    return contracts(None)


def drafted(root: Path, known: list[Schema], *, kind: str | None = None) -> Draft:
    found = next(each for each in recognise(root) if kind in (None, each.kind))
    return draft(found, path=root, target=root.parent / "datasets" / "mine.yaml", schemas=known)


def read(written: Draft, folder: Path) -> dict[str, Any]:
    (folder / "datasets").mkdir(exist_ok=True)
    (folder / "datasets" / "mine.yaml").write_text(written.text)
    return read_located(folder / "datasets" / "mine.yaml").tree


@pytest.mark.parametrize("kind", source_names())
def test_every_source_recognises_its_layout_and_the_draft_reads_it_again(
    kind: str, tmp_path: Path, known: list[Schema]
) -> None:
    LAYOUTS[kind](tmp_path / "data")
    found = recognise(tmp_path / "data")[0]
    assert (found.kind, found.problems) == (kind, ())
    written = drafted(tmp_path / "data", known)
    tree = read(written, tmp_path)
    assert tree["schema"] == written.schema == BEST[kind]
    source = source_class(kind)(**{key: value for key, value in tree["source"].items() if key != "kind"})
    (first,) = source.absolute(tmp_path / "datasets").first(1)
    assert {*tree["views"].values()} <= {*first.views}
    for entry in tree["columns"].values():
        assert (entry if isinstance(entry, str) else entry["from"]) in first.values


@pytest.mark.parametrize("kind", source_names())
def test_a_draft_binds_as_it_is_or_is_refused_at_the_lines_that_are_open(
    kind: str, tmp_path: Path, known: list[Schema]
) -> None:
    LAYOUTS[kind](tmp_path / "data")
    written = drafted(tmp_path / "data", known)
    read(written, tmp_path)
    if written.unfilled:
        with pytest.raises(RecipeError) as refused:
            load_dataset("./datasets/mine.yaml", relative_to=tmp_path)
        assert {problem.place.line for problem in refused.value.problems if problem.place} == {*written.unfilled}
        return
    bound = load_dataset("./datasets/mine.yaml", relative_to=tmp_path)
    (first,) = bound.source.first(1)
    Binding(bound.declaration).bind(first)


@pytest.mark.parametrize("kind", ["cosmos", "nerfstudio", "realestate10k"])
def test_conventions_that_a_source_implies_are_those_of_its_values(
    kind: str, tmp_path: Path, known: list[Schema]
) -> None:
    LAYOUTS[kind](tmp_path / "data")
    columns = read(drafted(tmp_path / "data", known), tmp_path)["columns"]
    (first,) = recognise(tmp_path / "data")[0].source.first(1)
    pose, lens = columns["pose"]["convention"], columns["intrinsics"]["convention"]
    lens = INTRINSICS_PRESETS[lens] if isinstance(lens, str) else IntrinsicsConvention(**lens)
    assert POSE_PRESETS[pose].to_canonical(first.values["pose"]).shape == (4, 4, 4)
    assert lens.to_canonical(first.values["intrinsics"], width_px=96, height_px=64).shape[-1] == 4


@pytest.mark.parametrize(
    ("name", "schema"), [("factory", "action-frame"), ("room", "pose"), ("cell", "multi-view"), ("road", "trajectory")]
)
def test_a_world_is_the_data_of_its_schema_with_nothing_left_open(
    name: str, schema: str, tmp_path: Path, known: list[Schema]
) -> None:
    world(name)(tmp_path / "data")
    written = drafted(tmp_path / "data", known)
    columns = read(written, tmp_path)["columns"]
    assert (written.schema, written.unfilled) == (schema, {})
    if "pose" in columns:
        (first,) = recognise(tmp_path / "data")[0].source.first(1)
        canonical = PoseConvention(**columns["pose"]["convention"]).to_canonical(first.values[columns["pose"]["from"]])
        np.testing.assert_allclose(np.linalg.det(canonical[..., :3, :3]), 1.0, atol=1e-6)


@pytest.mark.parametrize("kind", ["folder", "lerobot", "realestate10k"])
def test_the_file_is_worth_reading(kind: str, tmp_path: Path, known: list[Schema]) -> None:
    LAYOUTS[kind](tmp_path / "data")
    # The first line leads to the JSON schema, wherever that is.
    text = drafted(tmp_path / "data", known).text.partition("\n")[2]
    assert_stored(HERE / "cases" / f"{kind}.yaml", text)


def test_what_only_the_user_knows_is_named_by_its_line(tmp_path: Path, known: list[Schema]) -> None:
    LAYOUTS["lerobot"](tmp_path / "data")
    written = drafted(tmp_path / "data", known)
    assert [line.partition(":")[0] for line in written.unfilled.values()] == ["unit", "form"]
    for number, line in written.unfilled.items():
        assert written.text.splitlines()[number - 1].strip() == line
    assert {"multi-view", "instruction-video"} == {*written.others}


def test_a_schema_that_does_not_fit_is_drafted_with_what_it_lacks(tmp_path: Path) -> None:
    write_video(tmp_path / "data" / "a.mp4", frames=2)
    written = drafted(tmp_path / "data", contracts("trajectory"))
    tree = read(written, tmp_path)
    assert (tree["views"], tree["columns"]) == ("?", {"trajectory": "?"})
    assert len(written.unfilled) == 2


def test_no_name_can_break_the_file(tmp_path: Path, known: list[Schema]) -> None:
    odd = "a\nschema: pose #"
    rows = {odd: ["x.mp4"], f"{odd} said": ["words"]}
    (tmp_path / odd).mkdir()
    pq.write_table(pa.table(rows), tmp_path / odd / "rows.parquet")
    tree = read(drafted(tmp_path / odd, known), tmp_path)
    assert (tree["schema"], tree["views"], tree["source"]["videos"]) == ("instruction-video", {"video": odd}, [odd])


def test_paths_with_nothing_in_common_stay_whole(tmp_path: Path, known: list[Schema]) -> None:
    LAYOUTS["folder"](tmp_path / "data")
    found = recognise(tmp_path / "data")[0]
    written = draft(found, path=tmp_path / "data", target=Path("/elsewhere/a.yaml"), schemas=known)
    assert f"path: {tmp_path / 'data'}\n" in written.text


@pytest.mark.parametrize(
    ("file", "text", "licence"),
    [
        ("README.md", "---\nlicense: Apache-2.0\n---\n", "apache-2.0"),
        ("README.md", "---\nlicense: Apache License 2.0\n---\n", "apache-2.0"),
        ("README.md", "---\nlicense: other\nlicense_name: house-rules\n---\n", "house-rules"),
        ("README.md", "---\nlicense: [mit, cc-by-4.0]\n---\n", "mit, cc-by-4.0"),
        ("README.md", "---\n: [\n---\n", "unknown"),
        ("README.md", "# MIT License\n", "unknown"),
        ("dataset_info.json", '{"license": "cc0-1.0"}', "cc0-1.0"),
        ("LICENSE", "MIT License\n\nCopyright\n", "mit"),
        ("LICENSE", "\n   Apache License\n  Version 2.0\n", "apache-2.0"),
        ("LICENSE", "All rights reserved\n", "unknown"),
    ],
)
def test_a_licence_is_taken_from_where_it_is_said(file: str, text: str, licence: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    assert licence_of(tmp_path) == (licence, file if licence != "unknown" else "")


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    words
    | st.sampled_from(["1", "no", "Null", "1e3", "10 Hz", "64x64", "0x1F", "*_a.mp4", "a: b", "?", "~", ".5"])
    | st.integers()
    | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_any_value_is_read_as_it_was_written(value: Any) -> None:
    assert YAML(typ="safe", pure=True).load(f"key: {flow(value)}")["key"] == value
