"""If these fail, a check takes recordings for others than an index does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from videos import write_video

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.data.checks.seen import see
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.index import ClipSpec
from cosmos_recipes.data.index.look import look_into
from cosmos_recipes.data.recording import Media, Recording

CLIP = ClipSpec(frames=5, rate_hz=5.0, height_px=32, width_px=48, stride=3)
EGO = np.tile(np.eye(4), (40, 1, 1))
LENS = {"from": "lens", "convention": "canonical"}
POSE = {"pose": {"from": "ego", "convention": "canonical"}, "intrinsics": LENS}
DATASETS: dict[str, tuple[str, dict[str, Any]]] = {
    "arm": ("action-frame", {"action": {"from": "last-left-out", "unit": "m", "form": "difference"}}),
    "camera": ("pose", POSE),
    "vehicle": (
        "trajectory",
        {
            "trajectory": {"from": "ego", "convention": "canonical-ego", "points": 9},
            "pose": {"from": "rig", "convention": "canonical"},
            "intrinsics": LENS,
        },
    ),
}


def recording(path: Path) -> Recording:
    known = {"ego": EGO, "rig": EGO[:1], "lens": np.full((1, 4), 0.5), "last-left-out": np.ones((39, 2))}
    return Recording(name="drive 7", split=None, views={"video": Media(path=path)}, values=known)


@pytest.mark.parametrize("name", DATASETS)
def test_a_check_counts_the_clips_of_an_index_and_knows_their_shapes(tmp_path: Path, name: str) -> None:
    schema, columns = DATASETS[name]
    binding = Binding(declaration_of(load_schema(schema), {}, columns))
    own = recording(write_video(tmp_path / "a.mp4", frames=40))
    looked, seen = look_into(own, binding, CLIP), see(own, binding, CLIP, "none")
    assert (seen.stage, seen.clips, seen.windows) == ("aligned", len(looked.frames_VT), seen.clips + looked.uncovered)
    assert seen.shapes == {"views": (1,), **{name: array.shape for name, array in looked.columns[0].items()}}


def test_intrinsics_that_only_the_size_of_the_video_proves_wrong_are_refused_by_name(tmp_path: Path) -> None:
    columns = {**POSE, "intrinsics": {"from": "lens", "convention": {"form": "row-4", "unit": "pixels"}}}
    binding = Binding(declaration_of(load_schema("pose"), {}, columns))
    seen = see(recording(write_video(tmp_path / "a.mp4", frames=40)), binding, CLIP, "none")
    assert [problem.code for problem in seen.problems] == ["CR562"]
    assert "`intrinsics` of the recording drive 7" in seen.problems[0].message
    assert seen.problems[0].place is not None
    assert seen.problems[0].place.file.endswith("a.mp4")
