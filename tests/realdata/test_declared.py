"""The data set file that the documentation shows for Bridge binds the real recordings."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.index import ClipSpec
from cosmos_recipes.data.index.look import look_into

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def test_bridge_gives_changes_of_the_gripper_between_its_states(realdata: Path, tmp_path: Path) -> None:
    found = re.search(r"^dataset: bridge\n.*?^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    text = found[0].removesuffix("```").replace("../bridge", str(realdata / "bridge_octo_debug"))
    (tmp_path / "bridge.yaml").write_text(text)
    bound = load_dataset("bridge.yaml", relative_to=tmp_path)
    clip = ClipSpec(frames=9, rate_hz=5.0, height_px=64, width_px=64, stride=9)
    for recording in bound.source.recordings(tmp_path, lambda what, done, total: None):
        looked = look_into(recording, Binding(bound.declaration), clip)
        assert not looked.problems
        action_SA = looked.columns[0]["action"]
        moved_m = np.linalg.norm(np.diff(recording.values["state"][:9, :3], axis=0), axis=-1)
        np.testing.assert_allclose(np.linalg.norm(action_SA[:, :3], axis=-1), moved_m, atol=1e-6)
        np.testing.assert_allclose(
            action_SA[:, 6], np.diff(recording.values["continuous_gripper_state"][:9]), atol=1e-6
        )
