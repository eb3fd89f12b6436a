"""If these fail, the model is shown other frames, or other colours, than the file holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from videos import number_of, write_video

from cosmos_recipes.data.decode import choose_backends, dali, pyav
from cosmos_recipes.data.decode.frames import fit_size, read_frames
from cosmos_recipes.data.probe import probe
from cosmos_recipes.diagnostics import RecipeError


@pytest.mark.parametrize("codec", ["h264", "vp9", "mjpeg", "av1", "hevc"])
def test_frames_are_the_ones_asked_for(tmp_path: Path, codec: str) -> None:
    path = write_video(tmp_path / f"clip{'.mkv' if codec == 'mjpeg' else '.mp4'}", codec=codec)
    found = probe(path)
    video_CTHW = read_frames(path, found, [3, 4, 11, 24], height_px=64, width_px=96, backends={})
    assert [number_of(frame.numpy()) for frame in video_CTHW.transpose(0, 1)] == [3, 4, 11, 24]
    assert (found.codec, len(found.pts), found.height_px, found.width_px) == (codec, 25, 64, 96)


@pytest.mark.parametrize("codec", ["vp9", "mjpeg"])
@pytest.mark.parametrize("frames", [[0, 1, 2], [9, 12, 20], [24]])
def test_dali_and_pyav_give_the_same_frames(tmp_path: Path, codec: str, frames: list[int]) -> None:
    path = write_video(tmp_path / "clip.mkv", codec=codec)
    found = probe(path)
    theirs, ours = dali.decode(path, found, frames).int(), pyav.decode(path, found, frames).int()
    assert theirs.shape == ours.shape
    assert (theirs - ours).abs().float().mean() < 2.5


def test_a_truncated_file_is_named_and_gives_no_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "broken.webm", codec="vp9")
    found = probe(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for decode in (dali.decode, pyav.decode):
        with pytest.raises(RecipeError, match=r"CR512: the video broken\.webm is damaged"):
            decode(path, found, [0, 12, 24])


def test_cropping_keeps_the_centre_and_the_proportions() -> None:
    video_TCHW = torch.zeros(1, 3, 100, 300, dtype=torch.uint8)
    video_TCHW[:, :, :, 100:200] = 255
    square = fit_size(video_TCHW, height_px=50, width_px=50)
    assert square.shape == (1, 3, 50, 50)
    assert square.float().mean() > 250


def test_the_choice_of_decoder_follows_the_codec_and_says_why() -> None:
    choice = choose_backends("auto", ["vp9", "h264"], gpu=False)
    assert choice.backends == {"h264": "cpu", "vp9": "dali"}
    assert "h264: PyAV" in choice.reason
    assert choose_backends("auto", ["h264"], gpu=True).backends == {"h264": "dali"}
    assert choose_backends("cpu", ["vp9"], gpu=False).backends == {"vp9": "cpu"}
    with pytest.raises(RecipeError, match="DALI cannot read h264 on a CPU"):
        choose_backends("dali", ["h264"], gpu=False)
