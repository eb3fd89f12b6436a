"""If these fail, a data set file is misread, or its mistakes surface only when the run has begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from videos import write_video

from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.sources import source_names
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.library import names

WORLD = {"kind": "world", "world": "factory", "episodes": 3, "held_out": 1}


def refusal(use: str | dict[str, object], folder: Path) -> str:
    with pytest.raises(RecipeError) as refused:
        load_dataset(use, relative_to=folder)
    problem = refused.value.problems[0]
    return f"{problem.code} {problem.message} | {problem.expected} | {problem.hint}"


def test_every_shipped_data_set_keeps_a_shipped_contract() -> None:
    for name in names("datasets"):
        bound = load_dataset(name, relative_to=Path())
        assert load_schema(bound.file.schema_name).name == bound.file.schema_name
        assert bound.kind in source_names()


def test_a_folder_or_one_video_is_a_data_set(tmp_path: Path) -> None:
    path = write_video(tmp_path / "My Clips" / "a.mp4")
    for use in ("My Clips", "./My Clips", str(path)):
        bound = load_dataset(use, relative_to=tmp_path)
        assert (bound.kind, bound.file.schema_name) == ("folder", "instruction-video")
        assert bound.source.describe().codecs == {"h264": 1}


def test_paths_in_a_data_set_file_are_relative_to_it(tmp_path: Path) -> None:
    write_video(tmp_path / "sets" / "clips" / "a.mp4")
    file = tmp_path / "sets" / "mine.yaml"
    file.write_text("dataset: mine\nschema: instruction-video\nsource: {kind: folder, path: clips}\n")
    assert load_dataset("sets/mine.yaml", relative_to=tmp_path).source.describe().recordings == 1


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("./gone", "CR100"),
        ("factry", "did you mean `factory`?"),
        ("hf://someone/data", "CR201"),
        ({"schema": "instruction-video", "source": {"kind": "wrld"}}, "did you mean `world`?"),
        ({"schema": "instruction-video", "source": {**WORLD, "episodess": 1}}, "did you mean `episodes`?"),
        ({"schema": "instruction-video", "source": {**WORLD, "frames": 5}}, "recordings of at least 2 s"),
        ({"schema": "instruction-video", "source": {**WORLD, "size": "15x16"}}, "a size of even numbers"),
        ({"schema": "instruction-video"}, "the key `source` is missing"),
    ],
)
def test_mistakes_are_told_before_anything_runs(tmp_path: Path, use: str | dict[str, object], told: str) -> None:
    assert told in refusal(use, tmp_path)


def test_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match="CR502: the folder holds no videos"):
        load_dataset("./empty", relative_to=tmp_path).source.describe()
