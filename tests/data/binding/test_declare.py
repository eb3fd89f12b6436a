"""If these fail, a data set file that says too little, too much or the impossible is taken, or refused elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.diagnostics import RecipeError

ARM = """dataset: arm
schema: action-frame
source: {kind: world, world: factory, episodes: 1, held_out: 1}
columns:
  action: {from: action, unit: [m, m, "1"], form: [delta, delta, absolute]}
  state: {from: state, unit: [m, m, "1"], names: [x, y, grip]}
normalise: {action: quantile}
"""
ROAD = """dataset: road
schema: trajectory
source: {kind: world, world: road, episodes: 1, held_out: 1}
views: {front: front, left: left}
columns:
  trajectory: {from: ego_pose, convention: canonical-ego, points: 20, rate: 5 Hz}
  pose:
    from: rig
    convention: {form: matrix-4x4, direction: camera-to-world, axes: opencv}
    mounted_on: {from: ego_pose, convention: canonical-ego}
  intrinsics: {from: intrinsics, convention: canonical}
"""


def declared(folder: Path, text: str) -> list[tuple[str, int]]:
    """Return code and line of what is wrong with a data set file."""
    (folder / "data.yaml").write_text(text)
    try:
        load_dataset("./data.yaml", relative_to=folder)
    except RecipeError as error:
        return [(problem.code, problem.place.line if problem.place else 0) for problem in error.problems]
    return []


def test_good_files_are_taken(tmp_path: Path) -> None:
    assert declared(tmp_path, ARM) == []
    assert declared(tmp_path, ROAD) == []


@pytest.mark.parametrize(
    ("text", "was", "now", "code", "line"),
    [
        (ARM, "  action:", "  acton:", "CR514", 5),
        (ARM, "columns:\n  action", "columns:\n  video: front\n  action", "CR514", 5),
        (ARM, '{from: action, unit: [m, m, "1"], form: [delta, delta, absolute]}', "action", "CR515", 5),
        (ARM, ", form: [delta, delta, absolute]", "", "CR515", 5),
        (ARM, "form: [delta, delta, absolute]", "form: velocity", "CR135", 5),
        (ARM, '[m, m, "1"], names', '[m, metre, "1"], names', "CR519", 6),
        (ARM, "names: [x, y, grip]", "names: [x, y]", "CR519", 6),
        (ARM, "names: [x, y, grip]", "form: absolute", "CR515", 6),
        (ARM, "{action: quantile}", "{caption: quantile}", "CR514", 7),
        (ARM, "normalise", "views: {front: video}\nnormalise", "CR516", 7),
        (ROAD, "convention: canonical-ego, points", "points", "CR515", 6),
        (ROAD, "canonical-ego, points", "canonical-egg, points", "CR515", 6),
        (ROAD, "canonical-ego, points", "nerfstudio, points", "CR515", 6),
        (ROAD, "axes: opencv", "axes: opencv, quaternion_order: wxyz", "CR138", 9),
        (ROAD, "left: left", "left: front", "CR516", 4),
        (ROAD, "intrinsics, convention: canonical", "intrinsics, convention: canonical, unit: px", "CR515", 11),
        (ROAD, "from: intrinsics, ", "", "CR131", 11),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, text: str, was: str, now: str, code: str, line: int
) -> None:
    assert was in text
    assert (code, line) in declared(tmp_path, text.replace(was, now))


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = ARM.replace("world: factory", "world: factry").replace("[m, m", "[m, mm/m").replace("quantile", "quantiles")
    assert {line for _, line in declared(tmp_path, text)} >= {7}
    text = text.replace("quantiles", "quantile")
    assert {line for _, line in declared(tmp_path, text)} >= {3, 5, 6}
