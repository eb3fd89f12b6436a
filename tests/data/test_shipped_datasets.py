"""Every data set that ships is bound to its contract, and gives clips with all their values."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.dataset import BoundDataset, load_dataset, load_mixture
from cosmos_recipes.data.index import ClipSpec
from cosmos_recipes.data.index.look import look_into
from cosmos_recipes.recipe.library import names
from cosmos_recipes.recipe.located import read_located

FILES = names("datasets")
MIXTURES = [name for name, file in FILES.items() if "mix" in read_located(file).tree]
PARTS = sorted(str(file) for file in FILES["tiny-worlds"].parent.glob("tiny-base/*.yaml"))
DATASETS = [*sorted({*FILES} - {*MIXTURES}), *PARTS]
CLIP = ClipSpec(frames=13, rate_hz=5.0, height_px=64, width_px=64, stride=13)


def shipped(name: str) -> BoundDataset:
    return load_dataset(name, relative_to=Path())


def test_every_contract_that_ships_has_a_data_set_that_fills_all_its_columns() -> None:
    filled: dict[str, set[str]] = {}
    for name in DATASETS:
        bound = shipped(name)
        filled.setdefault(bound.schema.name, set()).update(bound.declaration.texts, bound.declaration.numbers)
    for name in names("schemas"):
        schema = load_schema(name)
        assert {*schema.columns} - {*schema.videos} == filled[name], name


@pytest.mark.parametrize("name", DATASETS)
def test_a_recording_of_it_gives_clips_with_every_column(tmp_path: Path, name: str) -> None:
    bound = shipped(name)
    source = bound.source.model_copy(update={"episodes": 1, "held_out": 1})
    for recording in source.recordings(tmp_path, lambda what, done, total: None):
        looked = look_into(recording, Binding(bound.declaration), CLIP)
        assert not looked.problems
        assert looked.stage == "aligned"
        assert looked.columns[0].keys() == bound.declaration.numbers.keys()
        assert looked.bound
        assert looked.bound.texts["caption"]


@pytest.mark.parametrize("name", DATASETS)
def test_its_file_says_what_it_is(name: str) -> None:
    file = shipped(name).file
    assert file.name == Path(name).stem
    assert file.summary.endswith(".")
    assert file.licence == "apache-2.0"


@pytest.mark.parametrize("name", MIXTURES)
def test_a_mixture_names_data_sets_that_are_there(name: str) -> None:
    assert len(load_mixture(name, relative_to=Path()).sets) > 1
