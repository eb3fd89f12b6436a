"""If these fail, cameras of a recording fall out of step, or a damaged one hides behind another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from videos import cut_off, number_of, write_video

from cosmos_recipes.data.decode.frames import View, decode
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.diagnostics import RecipeError

SIZE = {"height_px": 32, "width_px": 48}


def seen(path: Path) -> View:
    return View(media=Media(path=path), probe=probe(path))


def test_each_view_gives_the_frames_of_its_own_window_in_the_order_asked_for(tmp_path: Path) -> None:
    views = [
        seen(write_video(tmp_path / "front.mp4", rate=10)),
        seen(write_video(tmp_path / "wrist.webm", codec="vp9", rate=20, height=48, width=80)),
    ]
    windows = [[3, 4, 4, 9], [6, 8, 2, 18]]
    video_VCTHW = decode(views, windows, **SIZE, backends={"vp9": "dali"})
    assert video_VCTHW.shape == (2, 3, 4, 32, 48)
    assert [[number_of(frame.numpy()) for frame in view.transpose(0, 1)] for view in video_VCTHW] == windows


def test_every_damaged_view_is_named(tmp_path: Path) -> None:
    views = [seen(write_video(tmp_path / f"{name}.webm", codec="vp9")) for name in ("left", "middle", "right")]
    for name in ("left", "right"):
        cut_off(tmp_path / f"{name}.webm", share=0.4)
    with pytest.raises(RecipeError) as refused:
        decode(views, [[20, 24]] * 3, **SIZE, backends={})
    assert [problem.message for problem in refused.value.problems] == [
        "the video left.webm is damaged",
        "the video right.webm is damaged",
    ]


FORK = """
import os, sys
from pathlib import Path
from cosmos_recipes.data.decode.frames import View, decode
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.recording import Media
path = Path(sys.argv[1])
views = [View(media=Media(path=path), probe=probe(path))] * 3
read = lambda: decode(views, [[1, 2]] * 3, height_px=64, width_px=64, backends={})
before = read()
child = os.fork()
if not child:
    os._exit(int(not read().equal(before)))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_loader_decodes_too(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4")
    subprocess.run([sys.executable, "-c", FORK, str(path)], check=True, timeout=120)
