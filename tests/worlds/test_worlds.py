"""If these fail, a world is not the same twice, or its pictures depend on how they were asked for."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cosmos_recipes.worlds.world import chosen_views, find_world, world_names

SOLID_WORLDS = ["room", "cell", "road"]


def played(name: str, seed: int, frames: int = 11):
    return find_world(name).play(seed, frames=frames, rate_hz=5.0)


@pytest.mark.parametrize("name", world_names())
def test_a_seed_gives_the_same_pictures_whatever_was_drawn_before(name):
    world = find_world(name)
    alone = world.render(played(name, 5), 32, 48)
    world.render(played(name, 6), 32, 48)
    again = world.render(played(name, 5), 32, 48)
    assert list(alone) == list(again) == list(world.views)
    for view, frames_THWC in alone.items():
        assert frames_THWC.shape == (11, 32, 48, 3)
        assert frames_THWC.dtype == np.uint8
        np.testing.assert_array_equal(frames_THWC, again[view])


@pytest.mark.parametrize("name", SOLID_WORLDS)
def test_small_pictures_are_the_large_ones_made_small(name):
    world, episode = find_world(name), played(name, 3)
    small = world.render(episode, 64, 64)
    for view, large_THWC in world.render(episode, 128, 128).items():
        shrunk_THWC = large_THWC.reshape(11, 64, 2, 64, 2, 3).mean(axis=(2, 4))
        assert np.abs(shrunk_THWC - small[view]).mean() < 2.5


@pytest.mark.parametrize("name", SOLID_WORLDS)
def test_nothing_is_black_or_burnt_out_and_something_moves(name):
    for frames_THWC in find_world(name).render(played(name, 1), 64, 64).values():
        assert 60 < frames_THWC.mean() < 200
        assert frames_THWC.astype(float).std() > 20
        assert np.abs(frames_THWC[0].astype(int) - frames_THWC[-1]).mean() > 0.5


@pytest.mark.parametrize("name", ["cell", "road"])
def test_a_view_looks_the_same_alone_as_among_all(name):
    world, episode = find_world(name), played(name, 2)
    every = world.render(episode, 32, 32)
    some = world.render(episode, 32, 32, ["right", "front"])
    assert list(some) == ["right", "front"]
    for view, frames_THWC in some.items():
        np.testing.assert_array_equal(frames_THWC, every[view])


@pytest.mark.parametrize("name", world_names())
def test_a_recording_too_short_for_what_happens_is_refused_with_the_length_it_needs(name):
    world = find_world(name)
    needed = int(world.shortest_s * 5) + 1
    world.play(0, frames=needed, rate_hz=5.0)
    with pytest.raises(ValueError, match=f"at least {needed} frames at 5 Hz, not {needed - 1}"):
        world.play(0, frames=needed - 1, rate_hz=5.0)


@pytest.mark.parametrize("views", [["front", "back"], [], ["front", "front"]])
def test_views_that_a_world_has_not_are_refused(views):
    with pytest.raises(ValueError, match="some of front, left, right, top, each once"):
        chosen_views(find_world("cell"), views)


def test_looking_at_a_world_without_playing_it_is_light():
    heavy = "{'numpy', 'PIL', 'av', 'pyarrow', 'torch'}"
    code = (
        "import sys; from cosmos_recipes.worlds.world import find_world, world_names;"
        f"[find_world(name).views for name in world_names()]; print({heavy} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
