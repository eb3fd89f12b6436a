"""If these fail, the videos of a world and what is known of them do not belong together."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from cosmos_recipes.data.sources.world import WorldSource
from cosmos_recipes.worlds.poses import inverted
from cosmos_recipes.worlds.video import read_video
from cosmos_recipes.worlds.world import find_world

SHAPES = {
    "factory": {"action": (11, 3), "state": (11, 3)},
    "room": {"pose": (11, 4, 4), "intrinsics": (4,)},
    "cell": {"poses": (4, 4, 4), "intrinsics": (4, 4)},
    "road": {"ego_pose": (43, 4, 4), "speed_m_s": (43,), "rig": (4, 4, 4), "intrinsics": (4, 4)},
}


def source(world: str, **settings) -> WorldSource:
    return WorldSource(
        **{"world": world, "episodes": 1, "held_out": 1, "frames": 11, "rate": "5 Hz", "size": "32x48", **settings}
    )


def recordings(tmp_path, world: str, **settings):
    return source(world, **settings).recordings(tmp_path, lambda what, done, total: None)


@pytest.mark.parametrize("world", SHAPES)
def test_a_recording_has_every_view_and_every_value_of_its_world(tmp_path, world):
    found = recordings(tmp_path, world)
    assert [recording.split for recording in found] == ["train", "held-out"]
    assert len({recording.name for recording in found}) == 2
    for recording in found:
        assert tuple(recording.views) == find_world(world).views
        assert all(read_video(media.path).shape == (11, 32, 48, 3) for media in recording.views.values())
        assert recording.values["caption"].endswith(".")
        arrays = {name: value.shape for name, value in recording.values.items() if name != "caption"}
        assert arrays == SHAPES[world]


def test_an_action_leads_from_one_state_to_the_next(tmp_path):
    recording = recordings(tmp_path, "factory")[0]
    state, action = recording.values["state"], recording.values["action"]
    np.testing.assert_allclose(state[:-1, :2] + action[:-1, :2], state[1:, :2], atol=2e-6)
    np.testing.assert_array_equal(action[:-1, 2], state[1:, 2])


def test_poses_beyond_the_last_frame_have_their_own_times(tmp_path):
    recording = recordings(tmp_path, "road")[0]
    np.testing.assert_allclose(recording.times_s, np.arange(43) / 5)
    assert len(recording.values["ego_pose"]) == len(recording.times_s)
    assert recordings(tmp_path / "room", "room")[0].times_s is None


def test_chosen_views_come_in_the_order_asked_for_with_their_cameras(tmp_path):
    every, some = recordings(tmp_path, "cell")[0], recordings(tmp_path / "some", "cell", views=["top", "left"])[0]
    assert tuple(some.views) == ("top", "left")
    assert some.media.path.parent.name == "top"
    np.testing.assert_array_equal(some.values["poses"], every.values["poses"][[3, 1]])
    assert inverted(some.values["poses"])[0, 2, 3] > 1.4
    assert source("cell", views=["top", "left"]).describe().codecs == {"vp9": 4}


@pytest.mark.parametrize(
    ("world", "settings", "told"),
    [
        ("kitchen", {}, "road"),
        ("cell", {"views": ["back"]}, "no view 'back'"),
        ("factory", {"frames": 10}, "at least 2 s"),
        ("room", {"frames": 5}, "at least 1 s"),
        ("road", {"size": "33x48"}, "even"),
    ],
)
def test_what_a_world_cannot_do_is_refused_when_it_is_read(world, settings, told):
    with pytest.raises(ValidationError, match=told):
        source(world, **settings)


def test_the_fingerprint_names_the_world_and_its_version():
    assert source("factory").fingerprint() == "factory 1"
    assert source("road").fingerprint() == "road 1"


def test_a_first_look_gives_the_same_values_as_the_world_that_is_written(tmp_path):
    source = WorldSource(world="road", episodes=1, held_out=1, frames=11, rate=5.0, size=(16, 16), views=("rear",))
    (seen,), written = source.first(3), source.recordings(tmp_path, lambda *_: None)[0]
    assert (seen.name, [*seen.views]) == (written.name, ["rear"])
    np.testing.assert_equal(dict(seen.values), dict(written.values))
