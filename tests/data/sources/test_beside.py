"""If these fail, actions in a CSV beside a video are lost, moved to other frames, or wrong in a line that nobody is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from videos import write_video

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.draft import draft
from cosmos_recipes.data.draft.choice import choose, contracts
from cosmos_recipes.data.sources.folder import FolderSource
from cosmos_recipes.diagnostics import RecipeError

FRAMES = 3
TABLE = "frame,dx,dy,note\n0,0.5,1,a\n1,0.25,2,b\n2,-0.5,3,c\n"


def write_arm(root: Path, table: str = TABLE) -> Path:
    for name in ("a", "train/b"):
        write_video(root / f"{name}.mp4", frames=FRAMES)
        (root / f"{name}.csv").write_text(table)
    return root


def read(root: Path, numbers: str = "*.csv") -> dict[str, dict[str, list[float]]]:
    found = FolderSource(path=str(root), numbers=numbers).first(9)
    return {each.name: {name: list(values) for name, values in each.values.items()} for each in found}


def refusal(root: Path, numbers: str = "*.csv") -> str:
    with pytest.raises(RecipeError) as refused:
        read(root, numbers)
    (problem,) = refused.value.problems
    line = f":{problem.place.line}" if problem.place and problem.place.line else ""
    return f"{problem.code}{line} {problem.message}; {problem.found}"


def test_new_dataset_binds_the_csv_beside_each_video_as_actions(tmp_path: Path) -> None:
    root = write_arm(tmp_path / "arm")
    target = tmp_path / "datasets" / "arm.yaml"
    written = draft(choose(root, None)[0], path=root, target=target, schemas=contracts(None))
    assert (written.schema, len(written.unfilled)) == ("action-frame", 2)
    target.parent.mkdir()
    target.write_text(written.text.replace('unit: "?"', "unit: m").replace('form: "?"', "form: delta"))
    bound = load_dataset("./datasets/arm.yaml", relative_to=tmp_path)
    actions = Binding(bound.declaration).bind(bound.source.first(1)[0]).values["action"]
    np.testing.assert_allclose(actions.values_RA, [[0.5, 1], [0.25, 2], [-0.5, 3]])


def test_one_table_of_all_videos_is_found_and_each_has_its_rows(tmp_path: Path) -> None:
    root = write_arm(tmp_path / "arm")
    for own in root.rglob("*.csv"):
        own.unlink()
    (root / "moves.csv").write_text("video,time_s,dx\ntrain/b.mp4,7.0,1\na,3,2\nb,7.5,3\n")
    assert FolderSource.recognises(root) == {"path": str(root), "numbers": "moves.csv"}
    assert read(root, "moves.csv") == {"a.mp4": {"dx": [2]}, "train/b.mp4": {"dx": [1, 3]}}
    (_, moved) = FolderSource(path=str(root), numbers="moves.csv").first(2)
    assert moved.times_s is not None and moved.times_s.tolist() == [0, 0.5]


def test_a_recording_without_a_csv_has_no_numbers_and_the_others_keep_theirs(tmp_path: Path) -> None:
    root = write_arm(tmp_path)
    (root / "a.csv").unlink()
    assert read(root) == {"a.mp4": {}, "train/b.mp4": {"dx": [0.5, 0.25, -0.5], "dy": [1, 2, 3]}}


def test_files_that_nobody_reads_are_counted(tmp_path: Path) -> None:
    root = write_arm(tmp_path)
    for name in ("a.npy", "train/b.npy", "calibration.json", "a.json", "captions.csv"):
        (root / name).touch()
    assert FolderSource(path=str(root), numbers="*.csv").unread() == {".npy": 2, ".json": 1}
    assert FolderSource(path=str(root)).unread() == {".npy": 2, ".json": 1, ".csv": 2}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("frame,dx\n0,1\n2,1\n", "CR554:3 line 3 of a.csv does not follow the one before; frame 2"),
        ("time_s,dx\n0,1\n0,1\n", "CR554:3 line 3 of a.csv is not later than the one before; 0 s"),
        ("dx,dy\n1,2\n1,\n", "CR554:3 line 3 of a.csv has no number in `dy`; nothing"),
        ("dx,dy\n,2\n1,1\n", "CR554:2 line 2 of a.csv has no number in `dx`; nothing"),
        ("dx,dy\n1,2\n1\n", "CR554:3 line 3 of a.csv is not whole; 1"),
        ("0.5,1\n0.25,2\n", "CR554:1 line 1 of a.csv does not name the columns; 0.5, 1"),
        ("dx,dx\n0.25,2\n", "CR554:1 line 1 of a.csv does not name the columns; dx, dx"),
        ("dx,dy\n", "CR554 a.csv holds no rows; "),
        ("", "CR554 a.csv is empty; "),
    ],
)
def test_what_is_wrong_in_a_csv_is_said_with_its_line(tmp_path: Path, table: str, said: str) -> None:
    assert refusal(write_arm(tmp_path, table)) == said


def test_tables_that_belong_to_nothing_are_refused(tmp_path: Path) -> None:
    root = write_arm(tmp_path / "arm")
    (root / "all.csv").write_text("file_name,dx\na.mp4,1\nc.mp4,1\n")
    assert refusal(root, "all.csv") == "CR554:3 line 3 of all.csv names no video; c.mp4"
    (root / "all.csv").write_text(TABLE)
    assert refusal(root, "all.csv").startswith("CR554:1 line 1 of all.csv does not say which video each row is of")
    assert refusal(root, "*_moves.csv").startswith("CR556 no video of arm has numbers")
