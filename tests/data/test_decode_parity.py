"""If these fail, a model sees other pixels on a GPU than on a CPU.

The back-ends give the same bytes where DALI reads the colours as the file says, which is BT.601. Others are repaired from
RGB that is rounded already: half a grey level on average and three at most in 999 of 1000 values is then allowed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_videos import colourful, encode

from cosmos_recipes.data.decode import dali, pyav
from cosmos_recipes.data.decode.fitting import fitting
from cosmos_recipes.data.decode.frames import View, decode
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.recording import Media

FRAMES = 30
DALI = {"vp9": "dali", "mjpeg": "dali"}
CLIPS: dict[str, dict[str, Any]] = {
    "bt601": {"encoder": "libvpx-vp9", "matrix": "bt601"},
    "bt601, full range": {"encoder": "libvpx-vp9", "matrix": "bt601", "full_range": True},
    "bt709": {"encoder": "libvpx-vp9", "matrix": "bt709"},
    "bt709, full range": {"encoder": "libvpx-vp9", "matrix": "bt709", "full_range": True},
    "mjpeg": {"encoder": "mjpeg", "pix_fmt": "yuvj420p", "full_range": True},
}


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> dict[str, View]:
    """One clip of each kind: all colours, moving, with chroma at half the resolution."""
    folder, times = tmp_path_factory.mktemp("clips"), range(0, 100 * FRAMES, 100)
    found = {}
    for number, (name, settings_) in enumerate(CLIPS.items()):
        path = folder / f"{number}.mkv"
        encode(path, pictures=colourful(FRAMES), times=times, **settings_)
        found[name] = View(media=Media(path=path), probe=probe(path))
    return found


windows = st.lists(st.integers(0, FRAMES - 1), min_size=1, max_size=6, unique=True).map(sorted)
sizes = st.sampled_from([(96, 128), (48, 64), (64, 64), (33, 50), (120, 160), (96, 40)])


@pytest.mark.parametrize("name", CLIPS)
@settings(max_examples=15, deadline=None)
@given(window=windows, size=sizes)
def test_both_back_ends_give_the_same_pixels(
    views: dict[str, View], name: str, window: list[int], size: tuple[int, int]
) -> None:
    media, found = views[name].media, views[name].probe
    fit = fitting(found, height_px=size[0], width_px=size[1])
    ours, theirs = (backend.decode(media, found, window, fit) for backend in (pyav, dali))
    assert ours.shape == (len(window), 3, *size)
    if found.color_matrix == "bt601":
        assert torch.equal(ours, theirs)
    difference = (ours.int() - theirs.int()).abs().float()
    assert difference.mean() < 0.5
    assert np.quantile(difference.numpy(), 0.999) <= 3


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_views_in_step_are_the_same_by_both(views: dict[str, View], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 5))
    own = [data.draw(st.lists(st.integers(0, FRAMES - 1), min_size=count, max_size=count)) for _ in views]
    together = [*views.values()]
    video_VCTHW = decode(together, own, height_px=64, width_px=64, backends={})
    assert video_VCTHW.shape == (len(views), 3, count, 64, 64)
    theirs_VCTHW = decode(together, own, height_px=64, width_px=64, backends=DALI, requested="dali")
    assert (video_VCTHW.int() - theirs_VCTHW.int()).abs().float().mean() < 0.5
    for view, window, video_CTHW in zip(together, own, video_VCTHW, strict=True):
        assert torch.equal(decode([view], [window], height_px=64, width_px=64, backends={})[0], video_CTHW)
