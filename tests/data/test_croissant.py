"""If these fail, other tools read something else out of the description of a data set than what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cosmos_recipes.data import croissant as module
from cosmos_recipes.data.croissant import Published, licence_url
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.synthesize import SynthesisSpec, synthesize
from cosmos_recipes.files import sha256
from cosmos_recipes.recipe.library import names
from cosmos_recipes.run.croissant import describe_as_croissant
from cosmos_recipes.run.dataset import OpenDataset
from cosmos_recipes.run.progress import Silent

REQUIRED = {"@context", "@type", "conformsTo", "description", "license", "name", "url", "creator", "datePublished"}
ALL = Published(url="https://example.org/arm", creator="Our lab", date="2026-01-31")


def made_up(name: str, folder: Path, **more: Any) -> Path:
    spec = SynthesisSpec(recordings=3, frames=5, height_px=16, width_px=16, codec="mjpeg", **more)
    return synthesize(name, folder / "made-up", spec, lambda what, done, total: None)


def exported(file: Path, published: Published = ALL) -> dict[str, Any]:
    bound = load_dataset(str(file), relative_to=Path())
    opened = OpenDataset.of(bound, root=file.parents[1] / "runs", progress=Silent(), frames=2)
    document = describe_as_croissant(opened, folder=file.parent, published=published, progress=Silent())
    assert json.loads(json.dumps(document)) == document
    return document


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)
    if isinstance(node, dict):
        yield node


def record_set(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in document["recordSet"] if each["@id"] == name]
    return found


@pytest.mark.parametrize("name", sorted(names("schemas")))
def test_it_has_what_the_format_requires_and_every_reference_leads_somewhere(tmp_path: Path, name: str) -> None:
    document = exported(made_up(name, tmp_path))
    assert {*document} >= {*REQUIRED, "distribution", "recordSet"}
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    body = [*nodes({key: value for key, value in document.items() if key != "@context"})]
    named = [each["@id"] for each in body if "@type" in each and "@id" in each]
    assert len(named) == len({*named})
    assert {each["@id"] for each in body if [*each] == ["@id"]} <= {*named}
    for each in body:
        kind = each.get("@type", "")
        needed = {
            "cr:FileObject": {"name", "contentUrl", "contentSize", "encodingFormat", "sha256"},
            "cr:FileSet": {"encodingFormat", "includes"},
            "cr:RecordSet": {"field"},
            "cr:Field": {"name", "dataType"},
        }.get(kind, set())
        assert needed <= each.keys()
        assert "arrayShape" not in each or each["isArray"]
    for group in document["recordSet"]:
        for row in group.get("data", ()):
            assert [*row] == [field["@id"] for field in group["field"]]
        assert "data" in group or all("source" in field for field in group["field"])


def test_its_terms_are_all_in_its_context(tmp_path: Path) -> None:
    document = exported(made_up("action-frame", tmp_path))
    context = document.pop("@context")
    terms = {key for each in nodes(document) for key in each if not key.startswith("@") and "/" not in key}
    plain = {"name", "description", "license", "url", "creator", "datePublished", "distribution", "contentUrl"}
    assert terms - plain - {"contentSize", "encodingFormat", "sha256"} <= context.keys()
    prefixes = {kind.partition(":")[0] for each in nodes(document) for kind in [each.get("@type", "sc:")]}
    assert prefixes <= context.keys()


def test_files_are_named_from_where_it_lies_with_their_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = made_up("multi-view", tmp_path, views=2)
    whole, *each = exported(file)["distribution"]
    assert {one["contentUrl"] for one in each} == {
        "recordings.parquet",
        *(f"videos/camera-{view}/{number:06d}.mp4" for view in (1, 2) for number in range(3)),
    }
    for one in each:
        path = file.parent / one["contentUrl"]
        assert (one["sha256"], one["contentSize"]) == (sha256(path), f"{path.stat().st_size} B")
    monkeypatch.setattr(module, "MOST_HASHED", 6)
    (only,) = exported(file)["distribution"]
    assert only == whole
    found = {path for pattern in only["includes"] for path in file.parent.glob(pattern)}
    assert len(found) == 7


def test_recordings_have_their_split_texts_and_files(tmp_path: Path) -> None:
    file = made_up("trajectory", tmp_path, views=2)
    file.write_text(file.read_text() + 'splits: {held_out: ["*:1"]}\n')
    rows = record_set(exported(file), "recordings")["data"]
    assert [row["recordings/split"] for row in rows] == ["train", "held-out", "train"]
    assert all(re.match(r"A \w+ pattern moves \w+\.", row["recordings/caption"]) for row in rows)
    assert all((file.parent / row[f"recordings/camera-{view}.file"]).is_file() for row in rows for view in (1, 2))


def test_columns_say_shape_unit_convention_and_names(tmp_path: Path) -> None:
    file = made_up("action-frame", tmp_path)
    file.write_text(file.read_text().replace('unit: "1", form', 'unit: [cm, deg, "1"], names: [x, turn, grip], form'))
    fields = {each["name"]: each for each in record_set(exported(file), "clips")["field"]}
    assert [*fields] == ["video", "action", "state", "caption"]
    assert fields["video"]["dataType"] == "sc:VideoObject"
    assert (fields["action"]["dataType"], fields["action"]["arrayShape"]) == ("sc:Float", "-1,3")
    for told in ("Axes: S, A.", "Units: m, rad, 1.", "Numbers: x, turn, grip."):
        assert told in fields["action"]["description"]
    pose = {each["name"]: each for each in record_set(exported(made_up("pose", tmp_path / "b")), "clips")["field"]}[
        "pose"
    ]
    assert pose["arrayShape"] == "-1,4,4"
    for told in ("Unit: m.", "Frame of reference: first-camera.", "Convention: world-to-camera."):
        assert told in pose["description"]


@pytest.mark.parametrize(
    ("licence", "url"),
    [
        ("apache-2.0", "https://spdx.org/licenses/Apache-2.0"),
        ("mit", "https://spdx.org/licenses/MIT"),
        ("cc-by-nc-sa-4.0", "https://spdx.org/licenses/CC-BY-NC-SA-4.0"),
        ("bsd-3-clause", "https://spdx.org/licenses/BSD-3-Clause"),
        ("gpl-3.0-or-later", "https://spdx.org/licenses/GPL-3.0-or-later"),
        ("https://example.org/terms", "https://example.org/terms"),
        ("research only", "research only"),
        ("unknown", None),
    ],
)
def test_a_licence_is_an_address_where_it_has_one(licence: str, url: str | None) -> None:
    assert licence_url(licence) == url


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    file = made_up("pose", tmp_path)
    file.write_text(file.read_text().replace("licence: apache-2.0\n", ""))
    document = exported(file, Published())
    assert not {"license", "url", "creator", "datePublished", "version"} & document.keys()
    assert Published().missing == ("url", "creator", "datePublished")
