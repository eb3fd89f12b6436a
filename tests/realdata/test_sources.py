"""Real recordings are read as their makers laid them out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cosmos_recipes.data.draft import draft
from cosmos_recipes.data.draft.choice import choose, contracts
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.sources.cosmos import CosmosSource
from cosmos_recipes.data.sources.folder import FolderSource
from cosmos_recipes.data.sources.recognise import Form, recognise
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.located import read_located

REALDATA = Path(__file__).parents[2].parent / "shared" / "realdata"
BRIDGE, DRIVE = REALDATA / "bridge_octo_debug", REALDATA / "cosmos_transfer1_mv6"
VIEWS = ("front", "front_left", "front_right", "rear", "rear_left", "rear_right")


def quiet(what: str, done: int, total: int) -> None:
    """Take the progress."""


def test_every_bridge_episode_has_three_views_its_words_and_a_row_for_each_frame(tmp_path: Path) -> None:
    source = CosmosSource(path=str(BRIDGE), layout="predict1-action")
    found = source.recordings(tmp_path, quiet)
    assert len(found) == 50 == source.describe().recordings
    assert sorted({(each.split, each.name.split("/")[0]) for each in found}) == [
        ("held-out", "val"),
        ("train", "train"),
    ]
    for each in found:
        assert list(each.views) == ["image_0", "image_1", "image_2"]
        rows = each.values["action"], each.values["state"], each.values["continuous_gripper_state"]
        assert [row.shape for row in rows] == [(10, 7), (10, 6), (10,)]
        assert isinstance(each.values["text"], str)
        assert each.values["fps"] == 5
    assert len(probe(found[0].media.path).pts) == 10
    # An action is the change of the state that follows it, in metres: the columns were not mixed up.
    state, action = (np.concatenate([each.values[key][1:-1, :3] for each in found]) for key in ("state", "action"))
    after = np.concatenate([each.values["state"][2:, :3] for each in found])
    assert np.corrcoef((after - state).ravel(), action.ravel())[0, 1] > 0.5


def test_bridge_is_recognised_with_its_shapes() -> None:
    found = recognise(BRIDGE)[0]
    assert (found.kind, found.settings["layout"]) == ("cosmos", "predict1-action")
    assert found.values["action"] == Form(dtype="float64", shape=(10, 7))


def test_six_views_of_a_drive_are_one_recording(tmp_path: Path) -> None:
    source = FolderSource(path=str(DRIVE), views={view: f"{view}.mp4" for view in VIEWS})
    (found,) = source.recordings(tmp_path, quiet)
    assert tuple(found.views) == VIEWS
    assert {len(probe(media.path).pts) for media in found.views.values()} == {646}
    named = tmp_path / "named"
    named.mkdir()
    for view in VIEWS:
        (named / f"sample_av_mv_input_hdmap_{view}.mp4").symlink_to(DRIVE / f"{view}.mp4")
    patterns = {view: f"*_hdmap_{view}.mp4" for view in VIEWS}
    (found,) = FolderSource(path=str(named), views=patterns).recordings(tmp_path, quiet)
    assert (found.name, tuple(found.views)) == ("sample_av_mv_input", VIEWS)


@pytest.mark.parametrize(
    ("name", "kind", "schema", "views", "left"),
    [
        ("bridge_octo_debug", "cosmos", "action-frame", {"video": "image_0"}, []),
        ("cosmos_transfer1_mv6", "folder", "multi-view", {view: view for view in VIEWS}, []),
        ("g1_lerobot_v21", "lerobot", "action-frame", {"video": "observation.images.cam_high"}, ["unit", "form"]),
    ],
)
def test_a_data_set_file_is_drafted_from_what_can_be_seen(
    name: str, kind: str, schema: str, views: dict[str, str], left: list[str], tmp_path: Path
) -> None:
    found, _ = choose(REALDATA / name, None)
    written = draft(found, path=REALDATA / name, target=tmp_path / "a.yaml", schemas=contracts(None))
    (tmp_path / "a.yaml").write_text(written.text)
    tree = read_located(tmp_path / "a.yaml").tree
    assert (tree["source"]["kind"], tree["schema"], tree["views"]) == (kind, schema, views)
    assert [line.partition(":")[0] for line in written.unfilled.values()] == left
    assert tree["licence"] == {"g1_lerobot_v21": "mit", "cosmos_transfer1_mv6": "apache-2.0"}.get(name, "unknown")


def test_a_drive_without_its_video_is_read_by_no_source() -> None:
    with pytest.raises(RecipeError, match="CR590"):
        choose(REALDATA / "comma2k19_example", None)
