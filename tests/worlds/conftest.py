from __future__ import annotations

from functools import partial

import pytest

from cosmos_recipes.worlds.writer import write_world


@pytest.fixture
def write():
    """`write_world` with small, usual settings; tests change what they are about."""
    return partial(
        write_world,
        world="factory",
        episodes=3,
        held_out=2,
        frames=25,
        rate_hz=5.0,
        height_px=64,
        width_px=64,
        seed=7,
        codec="vp9",
        workers=1,
    )
