"""If this fails, the recordings of a real humanoid, as LeRobot v2.1 wrote them, cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.sources.lerobot import LeRobotSource

NUMBERS = (10, 28, 29, 30, 31, 59, 63, 82, 88, 99)
CAMERA = "observation.images.cam_high"


def test_the_ten_episodes_that_are_there_are_read_whole(realdata: Path) -> None:
    source = LeRobotSource(path=str(realdata / "g1_lerobot_v21"))
    description = source.describe()
    assert (description.codecs, description.recordings, description.problems) == ({"av1": 10}, 10, ())
    found = source.recordings(realdata, lambda *_: None)
    assert [recording.name for recording in found] == [f"episode_{number:06d}" for number in NUMBERS]
    for recording in found:
        seen = probe(recording.views[CAMERA].path)
        assert recording.times_s is not None
        np.testing.assert_allclose(recording.times_s, seen.times_s, atol=1e-4)
        for name in ("observation.state", "action"):
            assert recording.values[name].shape == (len(seen.pts), 26)
            assert recording.values[name].dtype == np.float32
        assert recording.values["task"] == "Pick up the yellow bottle on the table."
        assert recording.split is None
    names = source.features()["action"].element_names
    assert (len(names), names[0], names[25]) == (26, "kLeftShoulderPitch", "kRightHandThumbRotation")
