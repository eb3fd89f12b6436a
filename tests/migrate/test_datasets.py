"""If these break, data that another tool laid out is bound wrongly, or a part of it is left without a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lerobot_trees
import pytest
from files import write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from videos import write_video

from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.migrate.base import Migrated, Wishes, format_of
from cosmos_recipes.migrate.ledger import UNKNOWN

TREES: dict[str, Callable[[Path], Path]] = {"v2.1": lerobot_trees.write_single, "v3.0": lerobot_trees.write_packed}


def migrate(path: Path, **wishes: Any) -> Migrated:
    return format_of(path, None)[1].migrate(path, Wishes(**wishes))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LeRobot tree; only its info.json may be changed."""
    return lerobot_trees.write_single(tmp_path_factory.mktemp("trees") / "arm")


@pytest.mark.parametrize("version", TREES)
@pytest.mark.parametrize("named", ["meta/info.json", "."])
def test_a_lerobot_tree_becomes_a_data_set_file_that_can_be_used(tmp_path: Path, version: str, named: str) -> None:
    root = TREES[version](tmp_path / "arm")
    found = migrate(root / named, output=tmp_path / "datasets" / "arm.yaml")
    bound = load_dataset(str(write(found.target, found.text)), relative_to=Path())
    assert (bound.kind, bound.schema.name) == ("lerobot", "multi-view"), "what needs no units"
    assert len(bound.source.first(9)) == 4
    info = (root / "meta" / "info.json").read_text().splitlines()
    place = next(line for line in found.text.splitlines() if "top: observation.images.top" in line)
    assert '"observation.images.top"' in info[int(place.rpartition("line ")[2]) - 1]
    left = {each.key: each for each in found.left}
    assert "`--schema` fills another" in left["features.action"].why
    assert left["robot_type"].place.line == 3


def test_a_contract_of_actions_is_marked_where_only_the_user_knows(tree: Path, tmp_path: Path) -> None:
    found = migrate(tree, schema="action-frame", output=tmp_path / "arm.yaml")
    assert "    from: action  # meta/info.json, line " in found.text
    assert '    unit: "?"  # m, rad' in found.text
    with pytest.raises(RecipeError, match="CR592"):
        load_dataset(str(write(found.target, found.text)), relative_to=Path())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.from_regex(r"x_[a-z0-9_]{1,12}", fullmatch=True),
    value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists, max_leaves=4),
    feature=st.sampled_from([None, "action", "observation.images.top", "timestamp"]),
)
def test_no_unknown_key_of_info_json_is_dropped(tree: Path, key: str, value: Any, feature: str | None) -> None:
    lerobot_trees.write_info(tree, "v2.1")
    file = tree / "meta" / "info.json"
    info = json.loads(file.read_text())
    (info["features"][feature] if feature else info)[key] = value
    file.write_text(json.dumps(info, indent=4))
    dotted = f"features.{feature}.{key}" if feature else key
    (left,) = [each for each in migrate(tree).left if each.key == dotted]
    assert left.why == UNKNOWN
    assert f'"{key}"' in file.read_text().splitlines()[left.place.line - 1]


def test_a_folder_of_predict2_5_becomes_a_data_set_file_and_embeddings_are_listed(
    repository: Path, tmp_path: Path
) -> None:
    found = migrate(repository / "datasets" / "robot_clips", output=tmp_path / "clips.yaml")
    bound = load_dataset(str(write(found.target, found.text)), relative_to=Path())
    assert (bound.kind, bound.schema.name) == ("cosmos", "instruction-video")
    assert "  caption: caption  # metas/*.txt" in found.text
    (left,) = found.left
    assert left.key == "t5_xxl"


def test_captions_of_several_lengths_are_those_that_the_experiment_names(tmp_path: Path) -> None:
    for number in range(3):
        write_video(tmp_path / "clips" / "videos" / f"{number}.mp4", frames=20)
        write(
            tmp_path / "clips" / "captions" / f"{number}.json", '{"vlm": {"short": "an arm", "long": "an arm moves"}}'
        )
    experiment = """\
long = dict(
    job=dict(name="long"),
    trainer=dict(max_iter=10),
    dataloader_train=L(DataLoader)(dataset=L(VideoDataset)(
        dataset_dir="clips", num_frames=13, video_size=(64, 64), caption_format="json", prompt_type="long")),
)
"""
    found = migrate(write(tmp_path / "long.py", experiment), output=tmp_path / "out" / "long.yaml")
    assert "caption: caption.long" in found.text
    assert "prompt_type" not in [left.key.rpartition(".")[2] for left in found.left]
